import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countSteps, MICRO_TOKENS, trainingSteps } from '../../../training/data/steps.ts'

const lengths = Int32Array.from({ length: 100 }, (_, i) => 20 + (i % 7))
const settings = { epochs: 1, batch_tokens: 260, seed: 0, device: 'cpu' as const }
const allSteps = (fields: Partial<typeof settings> & { steps?: number }) => [
  ...trainingSteps(lengths, { ...settings, ...fields }),
]
const rowsOf = (steps: readonly (readonly (readonly number[])[])[]) => steps.flat(2)

test('an epoch has every example once, and a second epoch has them in another order', () => {
  const one = allSteps({})
  expect(rowsOf(one).toSorted((a, b) => a - b)).toEqual(Array.from(lengths, (_, i) => i))
  const two = allSteps({ epochs: 2 })
  expect(two).toHaveLength(2 * one.length)
  expect(two.slice(0, one.length)).toEqual(one)
  expect(two.slice(one.length)).not.toEqual(one)
})

test.each([
  [0.5, 0.5],
  [1.3, 1.3],
  [2.1, 2.1],
  [0.001, 0],
])('%d epochs have that share of the steps, but at least one', (epochs, share) => {
  const perEpoch = allSteps({}).length
  expect(perEpoch).toBe(10)
  expect(allSteps({ epochs })).toHaveLength(Math.max(1, Math.round(share * perEpoch)))
})

test('a number of steps overrides epochs', () => {
  for (const steps of [1, 7, 10, 23]) expect(allSteps({ steps, epochs: 0.1 })).toHaveLength(steps)
  expect(allSteps({ steps: 23 })).toEqual(allSteps({ epochs: 3 }).slice(0, 23))
})

test('the order depends only on the seed', () => {
  expect(allSteps({ epochs: 2 })).toEqual(allSteps({ epochs: 2 }))
  expect(allSteps({ seed: 1 })).not.toEqual(allSteps({}))
})

test('no micro-batch has more tokens than fit the cache of a core', () => {
  const steps = allSteps({ batch_tokens: 4 * MICRO_TOKENS })
  expect(steps.some((step) => step.length > 1)).toBe(true)
  for (const micro of steps.flat())
    expect(micro.length * Math.max(...micro.map((row) => lengths[row]))).toBeLessThanOrEqual(MICRO_TOKENS)
})

test('counting the steps beforehand gives the number of steps that are taken', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 60 }),
      fc.record({
        epochs: fc.constantFrom(0.3, 1, 2.7),
        batch_tokens: fc.integer({ min: 1, max: 900 }),
        seed: fc.nat(),
        device: fc.constantFrom('cpu' as const, 'webgpu' as const),
      }),
      (list, fields) => {
        const lengths = Int32Array.from(list)
        const steps = [...trainingSteps(lengths, { ...fields, steps: undefined })]
        const counted = countSteps(lengths, { ...fields, steps: undefined })
        expect(counted.steps).toBe(steps.length)
        expect(counted.examples).toBe(rowsOf(steps).length)
        expect(counted.padding).toBeGreaterThanOrEqual(0)
        expect(counted.padding).toBeLessThan(1)
      },
    ),
  )
})

test('padding is the number of padding tokens divided by the number of all tokens', () => {
  // Four micro-batches with texts of 10 and 20, 30, 40, and 50 tokens. Of 160 tokens, 10 are padding.
  expect(countSteps(Int32Array.of(10, 20, 30, 40, 50), { ...settings, batch_tokens: 250 }).padding).toBeCloseTo(
    1 / 16,
    12,
  )
})
