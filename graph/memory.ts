import { sizeOf } from './dim.ts'
import type { Program } from './program.ts'
import type { Tensor } from './tensor.ts'
import type { DType, Symbols, Type } from './types.ts'

const BYTES: Readonly<Record<DType, number>> = { f32: 4, f16: 2, i32: 4, i64: 8, bool: 1, u8: 1, i8: 1 }

/** Returns the bytes of a tensor, given the sizes of its symbols. */
export const bytesOf = ({ dtype, shape }: Type, symbols: Symbols): number =>
  shape.reduce<number>((bytes, dim) => bytes * sizeOf(dim, symbols), BYTES[dtype])

/**
 * Returns the largest number of bytes that the intermediate values and the results of a program need at the same time,
 * if its nodes run in their order and each value is freed after its last use. Inputs are not counted.
 * @param withResults whether results are counted. They are not if they have buffers of their own. Defaults to true
 */
export function peakBytes({ nodes, outputs }: Program, symbols: Symbols, withResults = true): number {
  const results = new Set(withResults ? [] : Object.values(outputs))
  const lastUse = new Map<Tensor, number>()
  for (const [i, node] of nodes.entries()) for (const x of node.inputs) lastUse.set(x, i)
  for (const output of Object.values(outputs)) lastUse.set(output, nodes.length)
  const expiring = Map.groupBy(nodes, (node) => lastUse.get(node) ?? 0)
  const isCounted = (node: Tensor) => node.op.name !== 'input' && !results.has(node)
  let [live, peak] = [0, 0]
  for (const [i, node] of nodes.entries()) {
    if (isCounted(node)) live += bytesOf(node, symbols)
    peak = Math.max(peak, live)
    for (const expired of expiring.get(i) ?? []) if (isCounted(expired)) live -= bytesOf(expired, symbols)
  }
  return peak
}
