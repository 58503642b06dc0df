import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { random } from '../../../core/random.ts'
import { padRows } from '../../../model/batch.ts'
import { planEpoch } from '../../../training/data/batches.ts'

/** Lengths as those of IMDB's reviews under the base's tokenizer, cut at 512: log-normal, a median of 230. */
const imdbLike = (rows: number) => {
  const { normal } = random(1, 'lengths')
  return Int32Array.from({ length: rows }, () =>
    Math.min(512, Math.max(12, Math.round(230 * Math.exp(0.65 * normal())))),
  )
}
const BATCH = 4096
const options = { batch: { tokens: BATCH }, microTokens: 1024, seed: 0, epoch: 0 }
const longest = (rows: readonly number[], lengths: Int32Array) => Math.max(...rows.map((row) => lengths[row]))
const padded = (rows: readonly number[], lengths: Int32Array) => rows.length * longest(rows, lengths)

describe('an epoch', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 300 }).map((list) => Int32Array.from(list))
  const budgets = fc.record({
    batch: fc.oneof(
      fc.record({ tokens: fc.integer({ min: 1, max: 4096 }) }),
      fc.record({ rows: fc.integer({ min: 1, max: 40 }) }),
    ),
    microTokens: fc.integer({ min: 1, max: 4096 }),
    seed: fc.nat(),
    epoch: fc.nat(9),
  })

  test('holds every row exactly once', () => {
    fc.assert(
      fc.property(lengths, budgets, (of, budget) => {
        const rows = planEpoch(of, budget).flat(2)
        expect(rows.toSorted((a, b) => a - b)).toEqual(Array.from(of, (_, i) => i))
      }),
    )
  })

  test('keeps both budgets, but for a row that alone is longer', () => {
    fc.assert(
      fc.property(lengths, budgets, (of, budget) => {
        for (const step of planEpoch(of, budget)) {
          const rows = step.flat()
          const { batch } = budget
          if ('rows' in batch) expect(rows.length).toBeLessThanOrEqual(batch.rows)
          else if (rows.length > 1) expect(padded(rows, of)).toBeLessThanOrEqual(batch.tokens)
          for (const micro of step) {
            expect(micro.length).toBeGreaterThan(0)
            if (micro.length > 1) expect(padded(micro, of)).toBeLessThanOrEqual(budget.microTokens)
          }
        }
      }),
    )
  })

  test('is the same for the same seed, and another for another seed or epoch', () => {
    const of = imdbLike(2000)
    const plan = JSON.stringify(planEpoch(of, options))
    expect(JSON.stringify(planEpoch(of, options))).toBe(plan)
    expect(JSON.stringify(planEpoch(of, { ...options, seed: 1 }))).not.toBe(plan)
    expect(JSON.stringify(planEpoch(of, { ...options, epoch: 1 }))).not.toBe(plan)
  })

  test('pads less than 2 % of lengths like those of film reviews', () => {
    const of = imdbLike(25_000)
    const micros = planEpoch(of, options).flat()
    const total = micros.reduce((sum, rows) => sum + padded(rows, of), 0)
    const tokens = of.reduce((a, b) => a + b, 0)
    expect(1 - tokens / total).toBeLessThan(0.02)
  })

  test('has steps of like size, the last remainder aside', () => {
    const of = imdbLike(5000)
    const sizes = planEpoch(of, options).map((step) => padded(step.flat(), of))
    expect(sizes.filter((size) => size < 0.8 * BATCH).length).toBeLessThanOrEqual(1)
  })

  test('counted in rows has so many of them in each step, the last remainder aside', () => {
    const sizes = planEpoch(imdbLike(5000), { ...options, batch: { rows: 16 } }).map((step) => step.flat().length)
    expect(sizes.filter((size) => size !== 16).length).toBeLessThanOrEqual(1)
    expect(sizes).toHaveLength(Math.ceil(5000 / 16))
  })

  test('does not run from short to long', () => {
    const of = imdbLike(5000)
    const means = planEpoch(of, options).map((step) => longest(step.flat(), of))
    const rises = means.filter((mean, i) => i > 0 && mean > means[i - 1]).length
    expect(rises / means.length).toBeGreaterThan(0.35)
    expect(rises / means.length).toBeLessThan(0.65)
  })

  test('of no rows has no steps', () => {
    expect(planEpoch(new Int32Array(0), options)).toEqual([])
  })
})

test('rows of different lengths are padded at their ends, and the mask tells where', () => {
  expect(padRows([Int32Array.of(5, 1), Int32Array.of(7, 8, 9, 1)], 0)).toEqual({
    inputIds: Int32Array.of(5, 1, 0, 0, 7, 8, 9, 1),
    attentionMask: Float32Array.of(1, 1, 0, 0, 1, 1, 1, 1),
    batch: 2,
    source: 4,
  })
})
