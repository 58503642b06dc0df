import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countSteps, MICRO_TOKENS, trainingSteps } from '../../../training/data/steps.ts'

const lengths = Int32Array.from({ length: 100 }, (_, i) => 20 + (i % 7))
const schedule = { epochs: 1, batch_tokens: 260, seed: 0, device: 'cpu' as const }
const all = (given: Partial<typeof schedule> & { steps?: number }) => [
  ...trainingSteps(lengths, { ...schedule, ...given }),
]
const rowsOf = (steps: readonly (readonly (readonly number[])[])[]) => steps.flat(2)

test('an epoch takes every review once, and two epochs each of them twice, in another order', () => {
  const one = all({})
  expect(rowsOf(one).toSorted((a, b) => a - b)).toEqual(Array.from(lengths, (_, i) => i))
  const two = all({ epochs: 2 })
  expect(two).toHaveLength(2 * one.length)
  expect(two.slice(0, one.length)).toEqual(one)
  expect(two.slice(one.length)).not.toEqual(one)
})

test.each([
  [0.5, 0.5],
  [1.3, 1.3],
  [2.1, 2.1],
  [0.001, 0],
])('%d epochs take that share of the steps, and one at least', (epochs, share) => {
  const perEpoch = all({}).length
  expect(perEpoch).toBe(10)
  expect(all({ epochs })).toHaveLength(Math.max(1, Math.round(share * perEpoch)))
})

test('a number of steps is taken whatever the epochs say', () => {
  for (const steps of [1, 7, 10, 23]) expect(all({ steps, epochs: 0.1 })).toHaveLength(steps)
  expect(all({ steps: 23 })).toEqual(all({ epochs: 3 }).slice(0, 23))
})

test('the seed alone decides the order', () => {
  expect(all({ epochs: 2 })).toEqual(all({ epochs: 2 }))
  expect(all({ seed: 1 })).not.toEqual(all({}))
})

test('no thread takes more tokens at a time than its share of the cache', () => {
  const steps = all({ batch_tokens: 4 * MICRO_TOKENS })
  expect(steps.some((step) => step.length > 1)).toBe(true)
  for (const micro of steps.flat())
    expect(micro.length * Math.max(...micro.map((row) => lengths[row]))).toBeLessThanOrEqual(MICRO_TOKENS)
})

test('the count beforehand is that of the steps which are then taken', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 60 }),
      fc.record({
        epochs: fc.constantFrom(0.3, 1, 2.7),
        batch_tokens: fc.integer({ min: 1, max: 900 }),
        seed: fc.nat(),
        device: fc.constantFrom('cpu' as const, 'webgpu' as const),
      }),
      (list, given) => {
        const of = Int32Array.from(list)
        const steps = [...trainingSteps(of, { ...given, steps: undefined })]
        const counted = countSteps(of, { ...given, steps: undefined })
        expect(counted.steps).toBe(steps.length)
        expect(counted.reviews).toBe(rowsOf(steps).length)
        expect(counted.padding).toBeGreaterThanOrEqual(0)
        expect(counted.padding).toBeLessThan(1)
      },
    ),
  )
})

test('padding is the share of tokens that are none', () => {
  // Four micro-batches, of 10 and 20, of 30, 40 and 50 tokens: 10 of 160 are padding.
  expect(countSteps(Int32Array.of(10, 20, 30, 40, 50), { ...schedule, batch_tokens: 250 }).padding).toBeCloseTo(
    1 / 16,
    12,
  )
})
