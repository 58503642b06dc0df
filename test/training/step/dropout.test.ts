import { describe, expect, test } from 'vitest'
import { lower } from '../../../graph/onnx/lower.ts'
import { mul } from '../../../graph/ops/elementwise.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { reduceSum, reshape } from '../../../graph/ops/shape.ts'
import { program } from '../../../graph/program.ts'
import { openDevice } from '../../../graph/runtime/device.ts'
import { openSession } from '../../../graph/runtime/session.ts'
import type { Shape } from '../../../graph/types.ts'
import { dropoutBank, dropoutDraws, dropoutSites } from '../../../training/step/dropout.ts'
import { onSoftwareVulkan, softwareVulkan } from '../../software-vulkan.ts'

const RATE = 0.1
const symbols = { batch: 50, source: 70 }

/** Masks of three places: [batch, 64], [batch, 64] again, and [batch, 4, source, 10 + source] as attention has them. */
async function masks(seed: number, step: number, rate = RATE): Promise<Float32Array[]> {
  const sites = dropoutSites(rate, symbols.source)
  const ids = input('ids', 'f32', ['batch', 'source'])
  const made = {
    first: sites.mask(['batch', 64]),
    second: sites.mask(['batch', 64]),
    third: sites.mask(['batch', 4, 'source', '10+source']),
    // The masks read their sizes off an input.
    sizes: reduceSum(ids),
  }
  const columns = sites.columns(symbols)
  const session = await openSession(lower(program('masks', made), 'cpu'), { threads: 1 })
  const feeds = {
    ids: new Float32Array(symbols.batch * symbols.source),
    dropout_bank: dropoutBank(seed, rate, columns),
    dropout_draws: dropoutDraws(seed, step),
    dropout_rows: Int32Array.from({ length: symbols.batch }, (_, i) => i),
  }
  const results = await session.run(feeds, { ...symbols, columns })
  await session.close()
  return ['first', 'second', 'third'].map((name) => results[name] as Float32Array)
}

/** The share of places at which two masks differ: 2 · rate · (1 - rate) where they have nothing to do with each other. */
const differing = (a: Float32Array, b: Float32Array) => a.filter((x, i) => x !== b[i]).length / a.length
const UNRELATED = 2 * RATE * (1 - RATE)

test.each([0.1, 0.5])('of rate %d drops that share, and what is kept makes up for it', async (rate) => {
  for (const mask of await masks(3, 5, rate)) {
    expect([...new Set(mask)].sort()).toEqual([0, Math.fround(1 / (1 - rate))])
    const kept = mask.filter((x) => x > 0).length / mask.length
    // Five standard deviations.
    expect(Math.abs(kept - (1 - rate))).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / mask.length))
  }
})

test('every place, step and seed drops other elements', async () => {
  const [mask, second] = await masks(3, 5)
  const [next] = await masks(3, 6)
  const [seed] = await masks(4, 5)
  for (const other of [second, next, seed]) expect(differing(mask, other)).toBeGreaterThan(UNRELATED / 2)
})

test('the same seed and step drop the same elements', async () => {
  expect(await masks(3, 5)).toEqual(await masks(3, 5))
})

test('rows of one place differ, and so do columns', async () => {
  const [first, , third] = await masks(3, 5)
  for (const [mask, width] of [
    [first, 64],
    [third, 80],
  ] as const) {
    const rows = Array.from({ length: mask.length / width }, (_, i) => mask.slice(i * width, (i + 1) * width))
    expect(new Set(rows.slice(0, 100).map(String)).size).toBeGreaterThan(0.9 * Math.min(100, rows.length))
    for (let column = 0; column < width; column++) {
      const kept = rows.filter((row) => row[column] > 0).length / rows.length
      expect(kept).toBeGreaterThan(0.7)
      // Of 50 rows some column may well drop none.
      if (rows.length > 1000) expect(kept).toBeLessThan(1)
    }
  }
})

describe('the bank', () => {
  test('is as wide as the widest place, a long prompt included', () => {
    const sites = dropoutSites(RATE, 512)
    sites.mask(['batch', 64])
    expect(sites.columns({ batch: 2, source: 512 })).toBe(64)
    sites.mask(['batch', '300+source'])
    expect(sites.columns({ batch: 2, source: 512 })).toBe(812)
  })

  test('draws a start and a stride for every place, of which none is 0', () => {
    const draws = dropoutDraws(0, 0)
    const strides = draws.filter((_, i) => i % 2 === 1)
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0)
    expect(Math.min(...strides)).toBeGreaterThanOrEqual(1)
    expect(Math.max(...draws)).toBeLessThan(4093)
    expect(new Set(strides).size).toBeGreaterThan(800)
  })
})

describe.skipIf(!softwareVulkan)(onSoftwareVulkan('on WebGPU'), () => {
  test('the same elements are dropped as on the CPU, however a step is cut and padded', async () => {
    const device = openDevice()
    const sites = dropoutSites(RATE, 70)
    const ids = input('ids', 'f32', ['batch', 'source'])
    // On the device sizes are padded, and the mask is looked at where there is something to mask.
    const seen = (shape: Shape) => mul(sites.mask(shape), reshape(ids, ['batch', 1, 'source', 1]))
    const model = program('masks', { mask: seen(['batch', 4, 'source', '10+source']), flat: sites.mask(['batch', 64]) })
    const columns = sites.columns({ source: 80 })
    const bank = { dropout_bank: dropoutBank(3, RATE, columns) }
    const [cpu, gpu] = [await openSession(lower(model, 'cpu')), await device.load(model, bank)]
    const feeds = (batch: number, source: number, first: number) => ({
      ids: new Float32Array(batch * source).fill(1),
      dropout_draws: dropoutDraws(3, 7),
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
