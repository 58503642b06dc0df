import { apply } from './op.ts'
import { cast } from './ops/elementwise.ts'
import { constant, input } from './ops/leaf.ts'
import { buildProgram, type Program } from './program.ts'
import type { Tensor } from './tensor.ts'

/** The largest finite f16 number. */
const MAX_F16 = 65504

/**
 * Converts a program to mixed precision (Micikevicius et al. 2018, arXiv 1710.03740). Each op runs in the precision
 * that its rule names, with casts in between. Inputs that feed only half-precision ops, such as frozen weights, become
 * f16. Results stay f32. The gradient is already part of the program, so it is converted in the same way.
 */
export function toMixedPrecision({ name, nodes, outputs }: Program): Program {
  const users = Map.groupBy(
    nodes.flatMap((node) => node.inputs.map((from) => ({ from, node }))),
    ({ from }) => from,
  )
  const feedsOnlyHalf = (node: Tensor) =>
    users.get(node)?.every(({ node: user }) => user.op.precision === 'half') && !Object.values(outputs).includes(node)
  const converted = new Map<Tensor, Tensor>()
  for (const node of nodes) {
    const { op, attributes } = node
    if (op.name === 'input' && node.dtype === 'f32' && feedsOnlyHalf(node)) {
      converted.set(node, input(attributes.name, 'f16', node.shape))
      continue
    }
    const inputs = node.inputs.map((x) => converted.get(x) as Tensor)
    const floats = inputs.filter(({ dtype }) => dtype === 'f32' || dtype === 'f16')
    // A constant that f16 can represent takes the type of the other inputs.
    const hasF32 = floats.some((x) => x.dtype === 'f32' && !isSmallConstant(x))
    const hasF16 = floats.some((x) => x.dtype === 'f16')
    const inHalf = op.precision === 'half' || (op.precision === undefined && hasF16 && !hasF32)
    const typed = inputs.map((x) => (floats.includes(x) ? castTo(x, inHalf ? 'f16' : 'f32') : x))
    converted.set(node, inputs.length === 0 ? node : { ...apply(op, typed, attributes), label: node.label })
  }
  return buildProgram(
    name,
    Object.fromEntries(Object.entries(outputs).map(([key, t]) => [key, castTo(converted.get(t) as Tensor, t.dtype)])),
  )
}

const isSmallConstant = ({ op, attributes }: Tensor): boolean =>
  op.name === 'constant' && attributes.values.every((value: number) => Math.abs(value) <= MAX_F16)

function castTo(x: Tensor, dtype: Tensor['dtype']): Tensor {
  if (x.dtype === dtype) return x
  return isSmallConstant(x) && dtype === 'f16'
    ? constant(x.attributes.values, x.attributes.shape, dtype)
    : cast(x, dtype)
}
