import { expect, test } from 'vitest'
import { learningRateAt } from '../../training/schedule.ts'

const ratesOf = (steps: number, schedule: Parameters<typeof learningRateAt>[1]) =>
  Array.from({ length: steps }, (_, step) => learningRateAt(step, schedule))

test('the learning rate rises from 0 to the peak, then falls linearly to 0', () => {
  // The factors of get_linear_schedule_with_warmup(optimizer, 2, 5) in transformers.
  expect(ratesOf(6, { warmup: 2, total: 5 })).toEqual([0, 0.5, 1, 2 / 3, 1 / 3, 0])
})

test('without a warm-up, the first step has the peak rate', () => {
  expect(ratesOf(4, { warmup: 0, total: 4 })).toEqual([1, 0.75, 0.5, 0.25])
})

test('without decay, the rate stays at the peak after the warm-up', () => {
  expect(ratesOf(4, { warmup: 2, total: 4, decay: 'none' })).toEqual([0, 0.5, 1, 1])
})

test('after the last step, the rate is 0', () => {
  expect(learningRateAt(9, { warmup: 2, total: 5 })).toBe(0)
})
