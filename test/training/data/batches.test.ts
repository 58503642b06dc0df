import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeRandom } from '../../../core/random.ts'
import { padBatch } from '../../../model/batch.ts'
import { batchEpoch } from '../../../training/data/batches.ts'

/** Draws lengths like those of IMDB's reviews in the base's tokenizer: log-normal with a median of 230, at most 512. */
const drawLengths = (rows: number) => {
  const { normal } = makeRandom(1, 'lengths')
  return Int32Array.from({ length: rows }, () =>
    Math.min(512, Math.max(12, Math.round(230 * Math.exp(0.65 * normal())))),
  )
}
const BATCH = 4096
const options = { batch: { tokens: BATCH }, microTokens: 1024, seed: 0, epoch: 0 }
const longest = (rows: readonly number[], lengths: Int32Array) => Math.max(...rows.map((row) => lengths[row]))
const padded = (rows: readonly number[], lengths: Int32Array) => rows.length * longest(rows, lengths)

describe('an epoch', () => {
  const anyLengths = fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 300 }).map((list) => Int32Array.from(list))
  const anyLimits = fc.record({
    batch: fc.oneof(
      fc.record({ tokens: fc.integer({ min: 1, max: 4096 }) }),
      fc.record({ rows: fc.integer({ min: 1, max: 40 }) }),
    ),
    microTokens: fc.integer({ min: 1, max: 4096 }),
    seed: fc.nat(),
    epoch: fc.nat(9),
  })

  test('has every row exactly once', () => {
    fc.assert(
      fc.property(anyLengths, anyLimits, (lengths, limits) => {
        const rows = batchEpoch(lengths, limits).flat(2)
        expect(rows.toSorted((a, b) => a - b)).toEqual(Array.from(lengths, (_, i) => i))
      }),
    )
  })

  test('keeps both limits, unless a single row is longer', () => {
    fc.assert(
      fc.property(anyLengths, anyLimits, (lengths, limits) => {
        for (const step of batchEpoch(lengths, limits)) {
          const rows = step.flat()
          const { batch } = limits
          if ('rows' in batch) expect(rows.length).toBeLessThanOrEqual(batch.rows)
          else if (rows.length > 1) expect(padded(rows, lengths)).toBeLessThanOrEqual(batch.tokens)
          for (const micro of step) {
            expect(micro.length).toBeGreaterThan(0)
            if (micro.length > 1) expect(padded(micro, lengths)).toBeLessThanOrEqual(limits.microTokens)
          }
        }
      }),
    )
  })

  test('is the same for the same seed, and differs for another seed or epoch', () => {
    const lengths = drawLengths(2000)
    const epoch = JSON.stringify(batchEpoch(lengths, options))
    expect(JSON.stringify(batchEpoch(lengths, options))).toBe(epoch)
    expect(JSON.stringify(batchEpoch(lengths, { ...options, seed: 1 }))).not.toBe(epoch)
    expect(JSON.stringify(batchEpoch(lengths, { ...options, epoch: 1 }))).not.toBe(epoch)
  })

  test('has less than 2 % padding on texts as long as film reviews', () => {
    const lengths = drawLengths(25_000)
    const micros = batchEpoch(lengths, options).flat()
    const total = micros.reduce((sum, rows) => sum + padded(rows, lengths), 0)
    const tokens = lengths.reduce((a, b) => a + b, 0)
    expect(1 - tokens / total).toBeLessThan(0.02)
  })

  test('has steps of similar size, except for the last remainder', () => {
    const lengths = drawLengths(5000)
    const sizes = batchEpoch(lengths, options).map((step) => padded(step.flat(), lengths))
    expect(sizes.filter((size) => size < 0.8 * BATCH).length).toBeLessThanOrEqual(1)
  })

  test('whose size is set in rows has that many in each step, except for the last remainder', () => {
    const sizes = batchEpoch(drawLengths(5000), { ...options, batch: { rows: 16 } }).map((step) => step.flat().length)
    expect(sizes.filter((size) => size !== 16).length).toBeLessThanOrEqual(1)
    expect(sizes).toHaveLength(Math.ceil(5000 / 16))
  })

  test('does not go from short to long rows', () => {
    const lengths = drawLengths(5000)
    const means = batchEpoch(lengths, options).map((step) => longest(step.flat(), lengths))
    const rises = means.filter((mean, i) => i > 0 && mean > means[i - 1]).length
    expect(rises / means.length).toBeGreaterThan(0.35)
    expect(rises / means.length).toBeLessThan(0.65)
  })

  test('without rows has no steps', () => {
    expect(batchEpoch(new Int32Array(0), options)).toEqual([])
  })
})

test('rows of different lengths are padded at their ends, where the mask is 0', () => {
  expect(padBatch([Int32Array.of(5, 1), Int32Array.of(7, 8, 9, 1)], 0)).toEqual({
    inputIds: Int32Array.of(5, 1, 0, 0, 7, 8, 9, 1),
    attentionMask: Float32Array.of(1, 1, 0, 0, 1, 1, 1, 1),
    batch: 2,
    source: 4,
  })
})
