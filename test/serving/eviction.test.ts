import fc from 'fast-check'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openPool, type Pool } from '../../graph/runtime/pool.ts'
import { openAdapterCache } from '../../serving/adapter-cache.ts'
import { openArena } from '../../serving/arena.ts'
import { openEngine } from '../../serving/engine.ts'
import type { Engine, Prediction } from '../../serving/engine-types.ts'
import { describeAdapter, openLoader } from '../../serving/loader.ts'
import { openMixtures } from '../../serving/mixtures.ts'
import { prepareBase } from '../../serving/served-base.ts'
import { base, configs, foldersByName, saveConfigs, saveRandomAdapter, textOf } from './adapters.ts'
import { entryOf } from './queue-entries.ts'

const ids = configs.map(([name]) => name)
const texts = [2, 9, 10, 12, 31, 40, 100, 110, 250, 513].map((length) => textOf(length))
let folderOf: (key: string) => Promise<string>
/** Has memory for all adapters. */
let roomy: Engine
/** Has memory for one full model only, so adapters evict each other. */
let tight: Engine
/** The size of a full model. */
let modelBytes: number

beforeAll(async () => {
  folderOf = foldersByName(await saveConfigs())
  modelBytes = (await describeAdapter(await folderOf('full'), base)).bytes
  roomy = await openEngine({ base, folderOf, threads: 1 })
  tight = await openEngine({ base, folderOf, threads: 2, adapterBytes: modelBytes + 64 })
  for (const id of ids) await roomy.load(id)
})
afterAll(() => Promise.all([roomy.close(), tight.close()]))

const singleAnswers = new Map<string, Promise<Prediction>>()
function answerAlone(adapter: string, text: string): Promise<Prediction> {
  const key = `${adapter} ${text}`
  const answer = singleAnswers.get(key) ?? roomy.classify([{ text, adapter }]).then(([one]) => one as Prediction)
  singleAnswers.set(key, answer)
  return answer
}

test('a row gets the same answer while other adapters are loaded and evicted', async () => {
  const row = fc.record({ adapter: fc.constantFrom(...ids), text: fc.constantFrom(...texts) })
  const request = fc.record({
    rows: fc.array(row, { minLength: 1, maxLength: 12, size: 'max' }),
    forget: fc.option(fc.constantFrom(...ids)),
    after: fc.integer({ min: 0, max: 30 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 2, maxLength: 6, size: 'max' }), async (requests) => {
      await Promise.all(
        requests.map(async ({ rows, forget, after }) => {
          await new Promise((resolve) => setTimeout(resolve, after))
          const answers = tight.classify(rows)
          if (forget) await tight.unload(forget)
          for (const [i, answer] of (await answers).entries()) {
            const expected = await answerAlone(rows[i].adapter, rows[i].text)
            if ('error' in answer) throw new Error(JSON.stringify(answer.error))
            for (const [label, score] of Object.entries(expected.scores))
              expect(Math.abs(answer.scores[label] - score), `${rows[i].adapter}, ${label}`).toBeLessThan(1e-5)
          }
          expect(tight.listLoaded().reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(modelBytes + 64)
        }),
      )
    }),
    { numRuns: 8 },
  )
  expect(tight.queue.waiting).toBe(0)
})

/** Wraps a pool to count its programs: those that are loaded now, and all that ever were. */
function countPrograms(pool: Pool): { pool: Pool; loaded: () => number; total: () => number } {
  let [loaded, total] = [0, 0]
  return {
    loaded: () => loaded,
    total: () => total,
    pool: {
      ...pool,
      async load(...args) {
        const program = await pool.load(...args)
        loaded++
        total++
        const unload = async () => {
          await program.unload()
          loaded--
        }
        return { ...program, unload }
      },
    },
  }
}

test('loading two hundred adapters into memory for six leaks no memory and no program', async () => {
  const light = await Promise.all(
    Array.from({ length: 16 }, (_, i) => saveRandomAdapter(`light-${i}`, { method: 'lora', rank: 32 + (i % 2) }, 0.02)),
  )
  const { bytes } = await describeAdapter(light[1], base)
  const arena = openArena(Math.max(6 * bytes, modelBytes))
  const { pool, loaded, total } = countPrograms(openPool(1))
  const loader = openLoader({ base, memory: arena.buffer })
  onTestFinished(async () => {
    await Promise.all([pool.close(), loader.close()])
  })
  const cache = openAdapterCache({
    base,
    folderOf: async (key) => (key === 'full' ? folderOf(key) : light[Number(key) % 16]),
    loader,
    arena,
    mixtures: openMixtures(prepareBase(base, 'f32'), pool),
  })
  const ids = Int32Array.of(5, 6, 7, 1)
  const resident: number[] = []
  for (let i = 0; i < 200; i++) {
    // Each key is new, so each adapter is read. Every 40th is a full model, which evicts all others.
    const { ready, release } = cache.hold(i % 40 === 39 ? 'full' : String(i))
    const adapter = await ready
    const [logits] = await adapter.mixture.computeLogits([entryOf(adapter, ids)])
    expect([...logits].every(Number.isFinite)).toBe(true)
    release()
    expect(arena.usedBytes).toBeLessThanOrEqual(arena.buffer.byteLength)
    // One for each of the two configurations, one that adapters of each share, and one for the full model.
    expect(loaded()).toBeLessThanOrEqual(5)
    resident.push(process.memoryUsage.rss())
  }
  expect(cache.listLoaded().length).toBeGreaterThan(0)
  // Programs are compiled for two configurations, for full models, and again after a configuration was unused for too
  // long.
  expect(total()).toBeLessThan(40)
  const peak = (from: number, to: number) => Math.max(...resident.slice(from, to)) / 2 ** 20
  // All adapters together have over 200 MB.
  expect(peak(150, 200) - peak(50, 100), 'MB that the last fifty need more than the second fifty').toBeLessThan(64)
  await Promise.all(cache.listLoaded().map(({ key }) => cache.unload(key)))
  expect(arena.usedBytes).toBe(0)
})
