import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lower } from '../../../graph/onnx/lower.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { buildProgram } from '../../../graph/program.ts'
import { openSession } from '../../../graph/runtime/session.ts'
import { positionBias, relativeBucketOf } from '../../../model/t5/position-bias.ts'
import { readJson } from '../references.ts'

const reference = readJson<{
  relative_position_from: number
  relative_position_to: number
  encoder_bidirectional: number[]
  decoder_causal: number[]
}>('relative_buckets.json')
const distances = reference.encoder_bidirectional.map((_, i) => reference.relative_position_from + i)

test.each([
  ['encoder', true, reference.encoder_bidirectional],
  ['decoder', false, reference.decoder_causal],
] as const)('every distance has the same bucket as in transformers in the %s', (_, bidirectional, expected) => {
  expect(distances.at(-1)).toBe(reference.relative_position_to)
  expect(distances.map((relative) => relativeBucketOf(relative, bidirectional, 32, 128))).toEqual(expected)
})

describe('with any number of buckets and any maximum distance', () => {
  const shapes = fc
    .record({ buckets: fc.integer({ min: 4, max: 80 }), beyond: fc.integer({ min: 1, max: 300 }) })
    .map(({ buckets, beyond }) => ({ buckets, reach: Math.floor(buckets / 2) + beyond }))

  test('each distance has a valid bucket, and a longer distance never has a lower one', () => {
    fc.assert(
      fc.property(shapes, fc.boolean(), ({ buckets, reach }, bidirectional) => {
        const behind = Array.from({ length: 2 * reach }, (_, d) => relativeBucketOf(-d, bidirectional, buckets, reach))
        for (const [d, bucket] of behind.entries()) {
          expect(Number.isInteger(bucket)).toBe(true)
          expect(bucket).toBeGreaterThanOrEqual(behind[d - 1] ?? 0)
          expect(bucket).toBeLessThan(buckets)
        }
      }),
    )
  })

  test('each short distance has its own bucket, and all distances from the maximum share the last', () => {
    fc.assert(
      fc.property(shapes, fc.boolean(), fc.nat(1000), ({ buckets, reach }, bidirectional, further) => {
        const side = bidirectional ? Math.floor(buckets / 2) : buckets
        for (let d = 0; d < Math.floor(side / 2); d++)
          expect(relativeBucketOf(-d, bidirectional, buckets, reach)).toBe(d)
        expect(relativeBucketOf(-reach - further, bidirectional, buckets, reach)).toBe(side - 1)
      }),
    )
  })

  test('the encoder distinguishes both directions, and the decoder ignores the future', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 500 }), ({ buckets, reach }, d) => {
        const side = Math.floor(buckets / 2)
        expect(relativeBucketOf(d, true, buckets, reach)).toBe(relativeBucketOf(-d, true, buckets, reach) + side)
        expect(relativeBucketOf(d, false, buckets, reach)).toBe(0)
      }),
    )
  })
})

test.each([
  ['as in T5', 32, 128],
  ['with an odd number of buckets', 7, 20],
])('the bias of a query and a key is the row of the table for their distance, %s', async (_, buckets, reach) => {
  const heads = 2
  const [queries, before] = [200, 60]
  const keys = before + queries
  const table = Float32Array.from({ length: buckets * heads }, (_, i) => i)
  const symbolic = input('table', 'f32', [buckets, heads])
  const session = await openSession(
    lower(buildProgram('bias', { bias: positionBias(symbolic, queries, true, reach, before) }), 'cpu'),
    { threads: 1 },
  )
  const { bias } = await session.run({ table }, {})
  await session.close()
  const expected = Array.from({ length: heads * queries * keys }, (_, i) => {
    const [head, query, key] = [Math.floor(i / (queries * keys)), Math.floor(i / keys) % queries, i % keys]
    return relativeBucketOf(key - (before + query), true, buckets, reach) * heads + head
  })
  expect([...(bias as Float32Array)]).toEqual(expected)
})
