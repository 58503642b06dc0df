import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lower } from '../../../graph/onnx/lower.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { program } from '../../../graph/program.ts'
import { openSession } from '../../../graph/runtime/session.ts'
import { positionBias, relativeBucket } from '../../../model/t5/position-bias.ts'
import { json } from '../references.ts'

const reference = json<{
  relative_position_from: number
  relative_position_to: number
  encoder_bidirectional: number[]
  decoder_causal: number[]
}>('relative_buckets.json')
const distances = reference.encoder_bidirectional.map((_, i) => reference.relative_position_from + i)

test.each([
  ['encoder', true, reference.encoder_bidirectional],
  ['decoder', false, reference.decoder_causal],
] as const)('every distance has the bucket that transformers gives it in the %s', (_, bidirectional, expected) => {
  expect(distances.at(-1)).toBe(reference.relative_position_to)
  expect(distances.map((relative) => relativeBucket(relative, bidirectional, 32, 128))).toEqual(expected)
})

describe('with any number of buckets and any reach', () => {
  const shapes = fc
    .record({ buckets: fc.integer({ min: 4, max: 80 }), beyond: fc.integer({ min: 1, max: 300 }) })
    .map(({ buckets, beyond }) => ({ buckets, reach: Math.floor(buckets / 2) + beyond }))

  test('each distance has one of the buckets, and a longer one never has a lower one', () => {
    fc.assert(
      fc.property(shapes, fc.boolean(), ({ buckets, reach }, bidirectional) => {
        const behind = Array.from({ length: 2 * reach }, (_, d) => relativeBucket(-d, bidirectional, buckets, reach))
        for (const [d, bucket] of behind.entries()) {
          expect(Number.isInteger(bucket)).toBe(true)
          expect(bucket).toBeGreaterThanOrEqual(behind[d - 1] ?? 0)
          expect(bucket).toBeLessThan(buckets)
        }
      }),
    )
  })

  test('short distances each have their own, and all from the reach on share the last', () => {
    fc.assert(
      fc.property(shapes, fc.boolean(), fc.nat(1000), ({ buckets, reach }, bidirectional, further) => {
        const side = bidirectional ? Math.floor(buckets / 2) : buckets
        for (let d = 0; d < Math.floor(side / 2); d++) expect(relativeBucket(-d, bidirectional, buckets, reach)).toBe(d)
        expect(relativeBucket(-reach - further, bidirectional, buckets, reach)).toBe(side - 1)
      }),
    )
  })

  test('the encoder keeps both directions apart, and the decoder sees no future', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 500 }), ({ buckets, reach }, d) => {
        const side = Math.floor(buckets / 2)
        expect(relativeBucket(d, true, buckets, reach)).toBe(relativeBucket(-d, true, buckets, reach) + side)
        expect(relativeBucket(d, false, buckets, reach)).toBe(0)
      }),
    )
  })
})

test.each([
  ['as T5 has it', 32, 128],
  ['with an odd number of buckets', 7, 20],
])('the bias of a query and a key is the row of their distance, %s', async (_, buckets, reach) => {
  const heads = 2
  const [queries, keys] = [5, 300]
  const table = Float32Array.from({ length: buckets * heads }, (_, i) => i)
  const symbolic = input('table', 'f32', [buckets, heads])
  const session = await openSession(
    lower(program('bias', { bias: positionBias(symbolic, queries, keys, true, reach) }), 'cpu'),
    { threads: 1 },
  )
  const { bias } = await session.run({ table }, {})
  await session.close()
  const expected = Array.from({ length: heads * queries * keys }, (_, i) => {
    const [head, query, key] = [Math.floor(i / (queries * keys)), Math.floor(i / keys) % queries, i % keys]
    return relativeBucket(key - query, true, buckets, reach) * heads + head
  })
  expect([...(bias as Float32Array)]).toEqual(expected)
})
