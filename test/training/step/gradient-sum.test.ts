import { expect, test } from 'vitest'
import type { Loaded } from '../../../graph/runtime/pool.ts'
import { gradientSum, type MicroBatch } from '../../../training/step/gradient-sum.ts'

const trained = [
  { name: 'a', shape: [2] },
  { name: 'b', shape: [1, 1] },
]
const batches = (...values: number[]): MicroBatch[] =>
  values.map((value) => ({ feeds: { value: Float32Array.of(value) }, symbols: { batch: 1 } }))

/** A program whose gradients are the fed value, twice it and three times it; each run takes its time. */
function slow(delays: number[], broken?: number) {
  const seen = { running: 0, most: 0 }
  const program: Loaded = {
    async run({ value: fed }, _, into = {}) {
      const [value] = fed as Float32Array
      seen.most = Math.max(seen.most, ++seen.running)
      await new Promise((resolve) => setTimeout(resolve, delays.shift() ?? 0))
      seen.running--
      if (value === broken) throw new Error('the run failed')
      into['grad.a'].set([value, 2 * value] as never)
      into['grad.b'].set([3 * value] as never)
      return { ...into, loss: Float32Array.of(value) }
    },
    unload: async () => {},
  }
  return { program, seen }
}

test('the gradients of all micro-batches add up, and so do their losses', async () => {
  const { gradient, sum } = gradientSum(slow([]).program, trained, 2)
  expect(await sum(batches(1, 10, 100))).toBe(111)
  expect([...gradient]).toEqual([111, 222, 333])
})

test('a step begins from nothing: what the one before it left does not count', async () => {
  const { gradient, sum } = gradientSum(slow([]).program, trained, 2)
  await sum(batches(1, 2))
  await sum(batches(5))
  expect([...gradient]).toEqual([5, 10, 15])
})

test.each([1, 2, 3])('they are added in their order, whichever is done first, on %d threads', async (threads) => {
  // In single precision 1 is lost beside 1e8: in another order the sum would be 1, or 0.
  const { program } = slow([30, 0, 15, 0])
  const { gradient, sum } = gradientSum(program, trained, threads)
  await sum(batches(1, 1e8, -1e8, 4))
  expect(gradient[0]).toBe(4)
})

test('no more run at a time than there are threads', async () => {
  const { program, seen } = slow([5, 5, 5, 5, 5, 5])
  const { sum } = gradientSum(program, trained, 2)
  await sum(batches(1, 2, 3, 4, 5, 6))
  expect(seen.most).toBe(2)
})

test.each([1, 2])('a micro-batch that fails is reported, and none waits for ever, on %d threads', async (threads) => {
  const { program } = slow([0, 5, 0, 5], 2)
  const { gradient, sum } = gradientSum(program, trained, threads)
  await expect(sum(batches(1, 2, 3, 4))).rejects.toThrow('the run failed')
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(await sum(batches(7))).toBe(7)
  expect([...gradient]).toEqual([7, 14, 21])
})
