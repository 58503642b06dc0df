import { add, sub } from '../../graph/ops/elementwise.ts'
import { gather } from '../../graph/ops/gather.ts'
import { clamp, iota } from '../../graph/ops/index-math.ts'
import { constant, scalar } from '../../graph/ops/leaf.ts'
import { reshape, transpose } from '../../graph/ops/shape.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Dim } from '../../graph/types.ts'

/**
 * T5's bucket of a relative position (key − query): exact up to half of the buckets, logarithmic to `maxDistance`, then the last.
 * Bidirectional stacks give half of the buckets to each side; causal ones map the future to 0.
 */
export function relativeBucket(relative: number, bidirectional: boolean, buckets: number, maxDistance: number): number {
  const side = bidirectional ? Math.floor(buckets / 2) : buckets
  const offset = bidirectional && relative > 0 ? side : 0
  const distance = bidirectional ? Math.abs(relative) : Math.max(-relative, 0)
  const exact = Math.floor(side / 2)
  if (distance < exact) return offset + distance
  const steps = (Math.log(distance / exact) / Math.log(maxDistance / exact)) * (side - exact)
  return offset + Math.min(exact + Math.floor(steps), side - 1)
}

/** table [buckets, H] → the bias of every query and key [1, H, T, S]. */
export function positionBias(
  table: Tensor,
  queries: Dim,
  keys: Dim,
  bidirectional: boolean,
  maxDistance: number,
): Tensor {
  const buckets = Number(table.shape[0])
  const byDistance = Array.from({ length: 2 * maxDistance + 1 }, (_, i) =>
    relativeBucket(i - maxDistance, bidirectional, buckets, maxDistance),
  )
  const relative = sub(reshape(iota(keys), [1, keys]), reshape(iota(queries), [queries, 1])) // [T, S]
  const index = add(clamp(relative, -maxDistance, maxDistance), scalar(maxDistance, 'i32'))
  const bias = gather(table, gather(constant(byDistance, undefined, 'i32'), index)) // [T, S, H]
  return reshape(transpose(bias, [2, 0, 1]), [1, table.shape[1], queries, keys])
}
