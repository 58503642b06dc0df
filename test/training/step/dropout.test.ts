import { describe, expect, test } from 'vitest'
import { lower } from '../../../graph/onnx/lower.ts'
import { mul } from '../../../graph/ops/elementwise.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { reduceSum, reshape } from '../../../graph/ops/shape.ts'
import { buildProgram } from '../../../graph/program.ts'
import { openDevice } from '../../../graph/runtime/device.ts'
import { openSession } from '../../../graph/runtime/session.ts'
import type { Shape } from '../../../graph/types.ts'
import { drawDropoutRows, makeDropoutBank, makeDropoutMasks } from '../../../training/step/dropout.ts'
import { onSoftwareVulkan, softwareVulkan } from '../../software-vulkan.ts'

const RATE = 0.1
const symbols = { batch: 50, source: 70 }

/**
 * Returns the masks of three places: [batch, 64], [batch, 64] again, and [batch, 4, source, 10 + source] as in
 * attention.
 */
async function runMasks(seed: number, step: number, rate = RATE): Promise<Float32Array[]> {
  const dropout = makeDropoutMasks(rate, symbols.source)
  const ids = input('ids', 'f32', ['batch', 'source'])
  const outputs = {
    first: dropout.mask(['batch', 64]),
    second: dropout.mask(['batch', 64]),
    third: dropout.mask(['batch', 4, 'source', '10+source']),
    // The masks get their sizes from an input.
    sizes: reduceSum(ids),
  }
  const columns = dropout.columns(symbols)
  const session = await openSession(lower(buildProgram('masks', outputs), 'cpu'), { threads: 1 })
  const feeds = {
    ids: new Float32Array(symbols.batch * symbols.source),
    dropout_bank: makeDropoutBank(seed, rate, columns),
    dropout_draws: drawDropoutRows(seed, step),
    dropout_rows: Int32Array.from({ length: symbols.batch }, (_, i) => i),
  }
  const results = await session.run(feeds, { ...symbols, columns })
  await session.close()
  return ['first', 'second', 'third'].map((name) => results[name] as Float32Array)
}

/** Returns the share of elements that differ between two masks: 2 · rate · (1 - rate) if they are independent. */
const shareOfDifferences = (a: Float32Array, b: Float32Array) => a.filter((x, i) => x !== b[i]).length / a.length
const INDEPENDENT = 2 * RATE * (1 - RATE)

test.each([0.1, 0.5])(
  'the rate %d drops that share of elements, and scales the others up to compensate',
  async (rate) => {
    for (const mask of await runMasks(3, 5, rate)) {
      expect([...new Set(mask)].sort()).toEqual([0, Math.fround(1 / (1 - rate))])
      const keptShare = mask.filter((x) => x > 0).length / mask.length
      // Five standard deviations.
      expect(Math.abs(keptShare - (1 - rate))).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / mask.length))
    }
  },
)

test('every place, step and seed drops different elements', async () => {
  const [mask, second] = await runMasks(3, 5)
  const [next] = await runMasks(3, 6)
  const [seed] = await runMasks(4, 5)
  for (const other of [second, next, seed]) expect(shareOfDifferences(mask, other)).toBeGreaterThan(INDEPENDENT / 2)
})

test('the same seed and step drop the same elements', async () => {
  expect(await runMasks(3, 5)).toEqual(await runMasks(3, 5))
})

test('rows of a place differ, and so do columns', async () => {
  const [first, , third] = await runMasks(3, 5)
  for (const [mask, width] of [
    [first, 64],
    [third, 80],
  ] as const) {
    const rows = Array.from({ length: mask.length / width }, (_, i) => mask.slice(i * width, (i + 1) * width))
    expect(new Set(rows.slice(0, 100).map(String)).size).toBeGreaterThan(0.9 * Math.min(100, rows.length))
    for (let column = 0; column < width; column++) {
      const keptShare = rows.filter((row) => row[column] > 0).length / rows.length
      expect(keptShare).toBeGreaterThan(0.7)
      // With only 50 rows, a column may drop none.
      if (rows.length > 1000) expect(keptShare).toBeLessThan(1)
    }
  }
})

describe('the bank', () => {
  test('is as wide as the widest place, including a long prompt', () => {
    const dropout = makeDropoutMasks(RATE, 512)
    dropout.mask(['batch', 64])
    expect(dropout.columns({ batch: 2, source: 512 })).toBe(64)
    dropout.mask(['batch', '300+source'])
    expect(dropout.columns({ batch: 2, source: 512 })).toBe(812)
  })

  test('has a first row and a stride for every place, and no stride is 0', () => {
    const draws = drawDropoutRows(0, 0)
    const strides = draws.filter((_, i) => i % 2 === 1)
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0)
    expect(Math.min(...strides)).toBeGreaterThanOrEqual(1)
    expect(Math.max(...draws)).toBeLessThan(4093)
    expect(new Set(strides).size).toBeGreaterThan(800)
  })
})

describe.skipIf(!softwareVulkan)(onSoftwareVulkan('on WebGPU'), () => {
  test('the same elements are dropped as on the CPU, whatever the micro-batches and the padding', async () => {
    const device = openDevice()
    const dropout = makeDropoutMasks(RATE, 70)
    const ids = input('ids', 'f32', ['batch', 'source'])
    // The device pads sizes, so only the part of the mask that has inputs is compared.
    const maskInputs = (shape: Shape) => mul(dropout.mask(shape), reshape(ids, ['batch', 1, 'source', 1]))
    const model = buildProgram('masks', {
      mask: maskInputs(['batch', 4, 'source', '10+source']),
      flat: dropout.mask(['batch', 64]),
    })
    const columns = dropout.columns({ source: 80 })
    const bank = { dropout_bank: makeDropoutBank(3, RATE, columns) }
    const [cpu, gpu] = [await openSession(lower(model, 'cpu')), await device.load(model, bank)]
    const feeds = (batch: number, source: number, first: number) => ({
      ids: new Float32Array(batch * source).fill(1),
      dropout_draws: drawDropoutRows(3, 7),
      dropout_rows: Int32Array.from({ length: batch }, (_, i) => first + i),
    })
    const whole = await cpu.run({ ...bank, ...feeds(25, 70, 0) }, { batch: 25, source: 70, columns })
    const size = whole.mask.length / 25
    for (const [first, batch] of [
      [0, 17],
      [17, 8],
    ]) {
      const part = await gpu.run(feeds(batch, 70, first), { batch, source: 70, columns })
      expect(part.mask).toEqual(whole.mask.slice(first * size, (first + batch) * size))
      expect(part.flat).toEqual(whole.flat.slice(first * 64, (first + batch) * 64))
    }
    await Promise.all([cpu.close(), device.close()])
  })
})
