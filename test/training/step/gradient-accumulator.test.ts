import { expect, test } from 'vitest'
import type { LoadedProgram } from '../../../graph/runtime/pool.ts'
import { type MicroBatch, makeGradientAccumulator } from '../../../training/step/gradient-accumulator.ts'

const trained = [
  { name: 'a', shape: [2] },
  { name: 'b', shape: [1, 1] },
]
const batches = (...values: number[]): MicroBatch[] =>
  values.map((value) => ({ feeds: { value: Float32Array.of(value) }, symbols: { batch: 1 } }))

/** Makes a program whose gradients are its input, twice its input and three times its input. Each run takes time. */
function makeSlowProgram(delays: number[], broken?: number) {
  const runs = { current: 0, max: 0 }
  const program: LoadedProgram = {
    async run({ value: input }, _, into = {}) {
      const [value] = input as Float32Array
      runs.max = Math.max(runs.max, ++runs.current)
      await new Promise((resolve) => setTimeout(resolve, delays.shift() ?? 0))
      runs.current--
      if (value === broken) throw new Error('the run failed')
      into['grad.a'].set([value, 2 * value] as never)
      into['grad.b'].set([3 * value] as never)
      return { ...into, loss: Float32Array.of(value) }
    },
    unload: async () => {},
  }
  return { program, runs }
}

test('the gradients of all micro-batches are summed, and so are their losses', async () => {
  const { gradient, accumulate } = makeGradientAccumulator(makeSlowProgram([]).program, trained, 2)
  expect(await accumulate(batches(1, 10, 100))).toBe(111)
  expect([...gradient]).toEqual([111, 222, 333])
})

test('a step starts from zero, whatever the step before it left', async () => {
  const { gradient, accumulate } = makeGradientAccumulator(makeSlowProgram([]).program, trained, 2)
  await accumulate(batches(1, 2))
  await accumulate(batches(5))
  expect([...gradient]).toEqual([5, 10, 15])
})

test.each([1, 2, 3])(
  'gradients are added in order, whichever micro-batch finishes first, on %d threads',
  async (threads) => {
    // In single precision 1 + 1e8 is 1e8, so any other order would give another sum.
    const { program } = makeSlowProgram([30, 0, 15, 0])
    const { gradient, accumulate } = makeGradientAccumulator(program, trained, threads)
    await accumulate(batches(1, 1e8, -1e8, 4))
    expect(gradient[0]).toBe(4)
  },
)

test('no more micro-batches run at once than there are threads', async () => {
  const { program, runs } = makeSlowProgram([5, 5, 5, 5, 5, 5])
  const { accumulate } = makeGradientAccumulator(program, trained, 2)
  await accumulate(batches(1, 2, 3, 4, 5, 6))
  expect(runs.max).toBe(2)
})

test.each([1, 2])(
  'the error of a micro-batch is thrown, and later steps still work, on %d threads',
  async (threads) => {
    const { program } = makeSlowProgram([0, 5, 0, 5], 2)
    const { gradient, accumulate } = makeGradientAccumulator(program, trained, threads)
    await expect(accumulate(batches(1, 2, 3, 4))).rejects.toThrow('the run failed')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await accumulate(batches(7))).toBe(7)
    expect([...gradient]).toEqual([7, 14, 21])
  },
)
