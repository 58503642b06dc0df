import { afterAll, describe, expect, test } from 'vitest'
import { openEngine } from '../../serving/engine.ts'
import type { Engine, Prediction } from '../../serving/engine-types.ts'
import { expectError } from '../checkpoint/helpers.ts'
import { base, configs, foldersByName, saveConfigs, saveTwins, textOf, twins } from './adapters.ts'

const folderOf = foldersByName([...(await saveConfigs()), ...(await saveTwins())])
const open = (precision: 'f32' | 'int8'): Promise<Engine> => openEngine({ base, folderOf, threads: 1, precision })
const [f32, int8] = [await open('f32'), await open('int8')]
afterAll(() => Promise.all([f32.close(), int8.close()]))

const names = configs.map(([name]) => name)
const texts = [12, 30, 75].map((tokens, i) => textOf(tokens, i))
const rowsOf = (adapter: string) => texts.map((text) => ({ text, adapter }))
const scoresOf = (answers: Awaited<ReturnType<Engine['classify']>>) =>
  (answers as Prediction[]).map(({ scores }) => Object.values(scores))
const largestChange = (a: readonly number[][], b: readonly number[][]) =>
  Math.max(...a.flatMap((scores, i) => scores.map((score, j) => Math.abs(score - b[i][j]))))

describe('in int8', () => {
  test.each(names)('%s answers almost what it does in f32, but not exactly', async (name) => {
    const [exact, rounded] = [await f32.classify(rowsOf(name)), await int8.classify(rowsOf(name))].map(scoresOf)
    const change = largestChange(exact, rounded)
    expect(change).toBeGreaterThan(0)
    expect(change).toBeLessThan(0.1)
  })

  test('rows of two adapters share batches and get the answers that they get by themselves', async () => {
    const rows = [...names, ...twins].flatMap(rowsOf)
    const together = scoresOf(await int8.classify(rows))
    const single: number[][] = []
    for (const row of rows) single.push(...scoresOf(await int8.classify([row])))
    // A sum of floats in another order can move an activation to the next code.
    expect(largestChange(together, single)).toBeLessThan(0.02)
  })

  test('a full model has its own weights in 8 bits, in less memory', async () => {
    const [exact, rounded] = [await f32.load('full'), await int8.load('full')]
    expect(rounded.bytes).toBeLessThan(0.8 * exact.bytes)
    expect(rounded.digest).toBe(exact.digest)
  })
})

test.each(['webgpu', 'cuda'] as const)('int8 on %s is refused with the way out', async (device) => {
  await expectError(
    openEngine({ base, folderOf, device, precision: 'int8' }),
    'precision_unsupported',
    device,
    '--device cpu',
  )
})
