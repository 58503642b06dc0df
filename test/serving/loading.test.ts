import { cpSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { openAdapterCache } from '../../serving/adapter-cache.ts'
import { openArena } from '../../serving/arena.ts'
import { openEngine } from '../../serving/engine.ts'
import type { Engine, EngineOptions, Prediction } from '../../serving/engine-types.ts'
import { describeAdapter, openLoader } from '../../serving/loader.ts'
import { editJson, editTensors, expectError } from '../checkpoint/helpers.ts'
import { base, foldersByName, saveRandomAdapter, textOf } from './adapters.ts'
import { noExplainer } from './queue-entries.ts'

const text = textOf(20)
const lora = { method: 'lora', rank: 4 } as const
/** The names of adapters of the same size. */
const names = ['a', 'b', 'c', 'd', 'e']
const folders = new Map<string, string>()
let bytes: number

beforeAll(async () => {
  for (const [i, name] of names.entries()) folders.set(name, await saveRandomAdapter(name, lora, 0.02 * (i + 1)))
  folders.set('whole', await saveRandomAdapter('whole', { method: 'full' }, 0.01))
  bytes = (await describeAdapter(folders.get('a') as string, base)).bytes
})

async function open(options: Partial<EngineOptions> = {}): Promise<Engine & { requestedKeys: string[] }> {
  const requestedKeys: string[] = []
  const known = foldersByName([...folders.values()])
  const folderOf = (key: string) => {
    requestedKeys.push(key)
    return (options.folderOf ?? known)(key)
  }
  const engine = await openEngine({ base, threads: 1, ...options, folderOf })
  onTestFinished(() => engine.close())
  return Object.assign(engine, { requestedKeys })
}

const rows = (...adapters: string[]) => adapters.map((adapter) => ({ text, adapter }))
const keys = (engine: Engine) => engine.listLoaded().map(({ key }) => key)
const labels = (answers: readonly object[]) => answers.map((answer) => 'label' in answer)
const scoresOf = (answer: object) => (answer as Prediction).scores
const nextTick = () => new Promise((resolve) => setTimeout(resolve, 20))

describe('an adapter', () => {
  test('is loaded once, however many requests need it at the same time', async () => {
    const engine = await open()
    const requests = Array.from({ length: 20 }, () => engine.classify(rows('a', 'b', 'a')))
    for (const answers of await Promise.all([...requests])) expect(labels(answers)).toEqual([true, true, true])
    await engine.load('a')
    expect(engine.requestedKeys.sort()).toEqual(['a', 'b'])
  })

  test('is evicted if its memory is needed and it is the least recently used', async () => {
    const engine = await open({ adapterBytes: 3 * bytes })
    await engine.classify(rows('a', 'b', 'c'))
    await engine.classify(rows('a'))
    expect(keys(engine)).toEqual(['b', 'c', 'a'])
    await engine.classify(rows('d'))
    expect(keys(engine)).toEqual(['c', 'a', 'd'])
    expect(engine.listLoaded().map((one) => one.bytes)).toEqual([bytes, bytes, bytes])
    const [again] = await engine.classify(rows('b'))
    expect(scoresOf(again)).toEqual(scoresOf((await (await open()).classify(rows('b')))[0]))
    expect(keys(engine)).toEqual(['a', 'd', 'b'])
  })

  test('is not evicted while rows need it: more adapters than fit into memory take turns', async () => {
    const engine = await open({ adapterBytes: 2 * bytes })
    const answers = await engine.classify(rows(...names, ...names))
    const alone = await (await open()).classify(rows(...names, ...names))
    for (const [i, answer] of answers.entries())
      for (const [label, score] of Object.entries(scoresOf(alone[i])))
        expect(scoresOf(answer)[label]).toBeCloseTo(score, 5)
    expect(engine.listLoaded()).toHaveLength(2)
  })

  test('that is larger than all the memory for adapters is rejected, and none is evicted for it', async () => {
    const engine = await open({ adapterBytes: 2 * bytes })
    await engine.classify(rows('a', 'b'))
    const answers = await engine.classify(rows('a', 'whole', 'b'))
    expect(labels(answers)).toEqual([true, false, true])
    expect(answers[1]).toMatchObject({ error: { code: 'adapter_too_large', subject: 'whole', status: 422 } })
    await expectError(engine.load('whole'), 'adapter_too_large', `at most ${engine.listLoaded()[0].bytes * 2} bytes`)
    expect(keys(engine)).toEqual(['a', 'b'])
  })

  test('of full fine-tuning takes memory for all its weights', async () => {
    const model = (await describeAdapter(folders.get('whole') as string, base)).bytes
    const engine = await open({ adapterBytes: model + 64 })
    expect(labels(await engine.classify(rows('a', 'whole')))).toEqual([true, true])
    expect(engine.listLoaded()).toMatchObject([{ key: 'whole', bytes: model }])
    expect(labels(await engine.classify(rows('b')))).toEqual([true])
    expect(keys(engine)).toEqual(['b'])
  })

  test('that is unloaded answers the rows that wait for it, and is read again for the next', async () => {
    const dir = await saveRandomAdapter('changing', lora, 0.02)
    const engine = await open({ folderOf: async () => dir })
    const before = await engine.classify(rows('changing'))
    const waiting = Array.from({ length: 8 }, () => engine.classify([{ text: textOf(512), adapter: 'changing' }]))
    const unloaded = engine.unload('changing')
    expect(keys(engine)).toEqual([])
    rmSync(dir, { recursive: true })
    cpSync(await saveRandomAdapter('other', lora, 0.2), dir, { recursive: true })
    const after = await engine.classify(rows('changing'))
    for (const answers of await Promise.all(waiting)) expect(labels(answers)).toEqual([true])
    await unloaded
    expect(scoresOf(after[0])).not.toEqual(scoresOf(before[0]))
    expect(engine.requestedKeys).toHaveLength(2)
    await engine.unload('nobody')
  })
})

describe('an adapter that cannot be loaded', () => {
  const damaged: [string, (dir: string) => unknown, string][] = [
    [
      'is damaged',
      (dir) => editTensors(join(dir, 'adapter_model.safetensors'), (all) => all.delete([...all.keys()][0])),
      'checkpoint_tensors',
    ],
    [
      'was made on another base',
      (dir) =>
        editJson(join(dir, 'graft.json'), (json) =>
          Object.assign(json.base as object, { fingerprint: '0'.repeat(64) }),
        ),
      'base_mismatch',
    ],
    ['is not a folder', (dir) => rmSync(dir, { recursive: true }), 'file_missing'],
  ]
  test.each(damaged)('because it %s fails only its own rows, until it is fixed', async (_, damage, code) => {
    const whole = await saveRandomAdapter('bad', lora, 0.1)
    const bad = `${whole}-copy`
    cpSync(whole, bad, { recursive: true })
    await damage(bad)
    const engine = await open({ folderOf: async (key) => (key === 'bad' ? bad : (folders.get(key) as string)) })
    const answers = await engine.classify(rows('a', 'bad', 'b', 'bad'))
    expect(labels(answers)).toEqual([true, false, true, false])
    for (const answer of [answers[1], answers[3]]) expect(answer).toMatchObject({ error: { code } })
    expect(keys(engine).sort()).toEqual(['a', 'b'])
    rmSync(bad, { recursive: true, force: true })
    cpSync(whole, bad, { recursive: true })
    expect(labels(await engine.classify(rows('bad')))).toEqual([true])
  })

  test('because the base lacks its label words is named in the error', async () => {
    const label_words = { negative: 'worst', positive: 'flabbergastingly' }
    const mute = await saveRandomAdapter('mute', lora, 0.1, { label_words })
    const engine = await open({ folderOf: async () => mute })
    await expectError(engine.load('mute'), 'label_words', 'mute', 'flabbergastingly')
    await expectError(describeAdapter(mute, base), 'label_words', 'mute', 'flabbergastingly')
    expect(engine.listLoaded()).toEqual([])
  })

  test('because its key is unknown fails its rows with that error', async () => {
    const engine = await open()
    const answers = await engine.classify(rows('a', 'nobody'))
    expect(answers[1]).toMatchObject({ error: { code: 'adapter_unknown', subject: 'nobody' } })
    expect(labels(answers)).toEqual([true, false])
  })
})

describe('while an adapter is loading', () => {
  /** Opens an engine whose adapter `slow` is found when the test calls `arrive`. */
  async function openSlow(options: Partial<EngineOptions> = {}) {
    const { promise, resolve } = Promise.withResolvers<string>()
    const engine = await open({
      ...options,
      folderOf: async (key) => (key === 'slow' ? promise : (folders.get(key) as string)),
    })
    await engine.load('a')
    return { engine, arrive: () => resolve(folders.get('e') as string) }
  }

  test('other rows are answered', async () => {
    const { engine, arrive } = await openSlow()
    const slow = engine.classify(rows('slow', 'a'))
    expect(labels(await engine.classify(rows('b', 'a')))).toEqual([true, true])
    arrive()
    expect(labels(await slow)).toEqual([true, true])
  })

  test('rows that wait for it count as waiting, and rows beyond the capacity are rejected at once', async () => {
    const { engine, arrive } = await openSlow({ queueCapacity: 3 })
    const slow = engine.classify(rows('slow', 'slow'))
    expect(engine.queue).toMatchObject({ waiting: 2, capacity: 3 })
    await expectError(engine.classify(rows('a', 'a')), 'overloaded', 'room for only 1 ')
    expect(labels(await engine.classify(rows('a')))).toEqual([true])
    arrive()
    await slow
    expect(engine.queue.waiting).toBe(0)
    expect(labels(await engine.classify(rows('a', 'a', 'slow')))).toEqual([true, true, true])
  })

  test('an aborted request is rejected at once, and the adapter is loaded for the next', async () => {
    const { engine, arrive } = await openSlow()
    const stop = new AbortController()
    const aborted = engine.classify(rows('slow', 'a'), stop.signal)
    const kept = engine.classify(rows('slow'))
    stop.abort(new Error('gone'))
    await expect(aborted).rejects.toThrow('gone')
    await nextTick()
    expect(engine.queue.waiting).toBe(1)
    arrive()
    expect(labels(await kept)).toEqual([true])
    expect(engine.requestedKeys.filter((key) => key === 'slow')).toHaveLength(1)
  })

  test('an engine that closes rejects the rows that wait for it', async () => {
    const { engine, arrive } = await openSlow()
    const rejections = [engine.classify(rows('slow')), engine.load('slow')].map((work) =>
      expectError(work, 'shutting_down'),
    )
    await engine.close()
    arrive()
    await Promise.all(rejections)
  })
})

test('if adapters in use occupy the memory for too long, the load of another fails, and they stay', async () => {
  const arena = openArena(bytes)
  const loader = openLoader({ base, memory: arena.buffer })
  onTestFinished(() => loader.close())
  const join = async () => ({
    mixture: {
      batchBytes: () => () => 0,
      computeLogits: () => Promise.reject(new Error('this test runs no rows')),
      explainer: noExplainer,
    },
    leave() {},
  })
  const folderOf = async (key: string) => folders.get(key) as string
  const cache = openAdapterCache({
    base,
    folderOf,
    loader,
    arena,
    mixtures: { join, hasRoomFor: () => true, prepare: () => {} },
    timeoutMs: 50,
  })
  const first = cache.hold('a')
  await first.ready
  const late = cache.hold('b')
  await expectError(late.ready, 'overloaded', 'b needs')
  late.release()
  const next = cache.hold('b')
  setTimeout(first.release, 20)
  expect((await next.ready).description.digest).toBe((await describeAdapter(folders.get('b') as string, base)).digest)
  expect(cache.listLoaded().map(({ key }) => key)).toEqual([basename(folders.get('b') as string)])
})
