import { addDims } from '../../graph/dim.ts'
import { add, sub } from '../../graph/ops/elementwise.ts'
import { gather } from '../../graph/ops/gather.ts'
import { clamp, iota } from '../../graph/ops/index-math.ts'
import { constant, scalar } from '../../graph/ops/leaf.ts'
import { reshape, transpose } from '../../graph/ops/shape.ts'
import { slice } from '../../graph/ops/slice.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Dim } from '../../graph/types.ts'

/**
 * Returns T5's bucket of a relative position (key − query). Buckets are exact for small distances, logarithmic up to
 * `maxDistance`, and the last one holds everything beyond. Bidirectional stacks give half of the buckets to each side;
 * causal stacks map the future to 0.
 */
export function relativeBucketOf(
  relative: number,
  bidirectional: boolean,
  buckets: number,
  maxDistance: number,
): number {
  const side = bidirectional ? Math.floor(buckets / 2) : buckets
  const offset = bidirectional && relative > 0 ? side : 0
  const distance = bidirectional ? Math.abs(relative) : Math.max(-relative, 0)
  const exact = Math.floor(side / 2)
  if (distance < exact) return offset + distance
  const steps = (Math.log(distance / exact) / Math.log(maxDistance / exact)) * (side - exact)
  return offset + Math.min(exact + Math.floor(steps), side - 1)
}

/**
 * Returns the relative position (key − query) of every query and key: [T, n + T].
 * @param queries T
 * @param before n, the keys before those of the queries' own positions
 */
export function relativePositions(queries: Dim, before: Dim): Tensor {
  const keys = addDims(before, queries)
  const positions = before === 0 ? iota(queries) : slice(iota(keys), 0, before, queries)
  return sub(reshape(iota(keys), [1, keys]), reshape(positions, [queries, 1]))
}

/** Returns the bias of every query and key: table [buckets, H] -> [1, H, T, n + T]. See {@link relativePositions}. */
export function positionBias(
  table: Tensor,
  queries: Dim,
  bidirectional: boolean,
  maxDistance: number,
  before: Dim,
): Tensor {
  const buckets = Number(table.shape[0])
  const byDistance = Array.from({ length: 2 * maxDistance + 1 }, (_, i) =>
    relativeBucketOf(i - maxDistance, bidirectional, buckets, maxDistance),
  )
  const relative = relativePositions(queries, before)
  const index = add(clamp(relative, -maxDistance, maxDistance), scalar(maxDistance, 'i32'))
  const bias = gather(table, gather(constant(byDistance, undefined, 'i32'), index)) // [T, n + T, H]
  return reshape(transpose(bias, [2, 0, 1]), [1, table.shape[1], queries, addDims(before, queries)])
}
