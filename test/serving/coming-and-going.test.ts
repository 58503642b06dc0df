import fc from 'fast-check'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openPool, type Pool } from '../../graph/runtime/pool.ts'
import { openAdapterCache } from '../../serving/adapter-cache.ts'
import { openArena } from '../../serving/arena.ts'
import { describeAdapter } from '../../serving/describe-adapter.ts'
import { openEngine } from '../../serving/engine.ts'
import type { Engine, Prediction } from '../../serving/engine-types.ts'
import { openLoader } from '../../serving/loader.ts'
import { openMixtures } from '../../serving/mixtures.ts'
import { base, configs, namedFolders, savedAs, savedConfigs, textOf } from './adapters.ts'

const ids = configs.map(([name]) => name)
const texts = [2, 9, 10, 12, 31, 40, 100, 110, 250, 513].map((length) => textOf(length))
let folderOf: (key: string) => Promise<string>
/** Has room for all. */
let roomy: Engine
/** Has room for one full model, or for the others in turn. */
let tight: Engine
let whole: number

beforeAll(async () => {
  folderOf = namedFolders(await savedConfigs())
  whole = (await describeAdapter(await folderOf('full'), base)).bytes
  roomy = await openEngine({ base, folderOf, threads: 1 })
  tight = await openEngine({ base, folderOf, threads: 2, adapterBytes: whole + 64 })
  for (const id of ids) await roomy.load(id)
})
afterAll(() => Promise.all([roomy.close(), tight.close()]))

const alone = new Map<string, Promise<Prediction>>()
function answerAlone(adapter: string, text: string): Promise<Prediction> {
  const key = `${adapter} ${text}`
  const answer = alone.get(key) ?? roomy.classify([{ text, adapter }]).then(([one]) => one as Prediction)
  alone.set(key, answer)
  return answer
}

test('a row gets the answer that it gets alone, while adapters come and go around it', async () => {
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
          if (forget) await tight.forget(forget)
          for (const [i, answer] of (await answers).entries()) {
            const expected = await answerAlone(rows[i].adapter, rows[i].text)
            if ('error' in answer) throw new Error(JSON.stringify(answer.error))
            for (const [label, score] of Object.entries(expected.scores))
              expect(Math.abs(answer.scores[label] - score), `${rows[i].adapter}, ${label}`).toBeLessThan(1e-5)
          }
          expect(tight.loaded().reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(whole + 64)
        }),
      )
    }),
    { numRuns: 12 },
  )
  expect(tight.queue.waiting).toBe(0)
})

/** A pool that counts the programs that are loaded. */
function counting(pool: Pool): { pool: Pool; loaded: () => number; made: () => number } {
  let [loaded, made] = [0, 0]
  return {
    loaded: () => loaded,
    made: () => made,
    pool: {
      ...pool,
      async load(...args) {
        const one = await pool.load(...args)
        loaded++
        made++
        const unload = async () => {
          await one.unload()
          loaded--
        }
        return { ...one, unload }
      },
    },
  }
}

test('two hundred adapters through a memory for six leave no memory and no program behind', async () => {
  const light = await Promise.all(
    Array.from({ length: 16 }, (_, i) => savedAs(`light-${i}`, { method: 'lora', rank: 32 + (i % 2) }, 0.02)),
  )
  const { bytes } = await describeAdapter(light[1], base)
  const arena = openArena(Math.max(6 * bytes, whole))
  const { pool, loaded, made } = counting(openPool(1))
  const loader = openLoader({ base, memory: arena.buffer })
  onTestFinished(async () => {
    await Promise.all([pool.close(), loader.close()])
  })
  const cache = openAdapterCache({
    base,
    folderOf: async (key) => (key === 'full' ? folderOf(key) : light[Number(key) % 16]),
    loader,
    arena,
    mixtures: openMixtures(base, pool),
  })
  const ids = Int32Array.of(5, 6, 7, 1)
  const resident: number[] = []
  for (let i = 0; i < 200; i++) {
    // Each key is new, so each is read; now and then a full model takes the place of all.
    const { ready, release } = cache.hold(i % 40 === 39 ? 'full' : String(i))
    const adapter = await ready
    const [scores] = await adapter.mixture.score([{ ids, adapter, words: adapter.words }])
    expect([...scores].every(Number.isFinite)).toBe(true)
    release()
    expect(arena.used).toBeLessThanOrEqual(arena.buffer.byteLength)
    expect(loaded()).toBeLessThanOrEqual(3)
    resident.push(process.memoryUsage.rss())
  }
  expect(cache.loaded().length).toBeGreaterThan(0)
  // Adapters of a configuration that is there need no program: two of them, full models, and what lingered too long.
  expect(made()).toBeLessThan(40)
  const most = (from: number, to: number) => Math.max(...resident.slice(from, to)) / 2 ** 20
  // All that was read: over 200 MB.
  expect(most(150, 200) - most(50, 100), 'MB that the last fifty need more than the second').toBeLessThan(64)
  await Promise.all(cache.loaded().map(({ key }) => cache.forget(key)))
  expect(arena.used).toBe(0)
})
