import { cpSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { openAdapterCache } from '../../serving/adapter-cache.ts'
import { openArena } from '../../serving/arena.ts'
import { describeAdapter } from '../../serving/describe-adapter.ts'
import { openEngine } from '../../serving/engine.ts'
import type { Engine, EngineOptions, Prediction } from '../../serving/engine-types.ts'
import { openLoader } from '../../serving/loader.ts'
import { editJson, editTensors, expectError } from '../checkpoint/helpers.ts'
import { base, namedFolders, savedAs, textOf } from './adapters.ts'

const text = textOf(20)
const lora = { method: 'lora', rank: 4 } as const
/** Adapters of one size, by name. */
const names = ['a', 'b', 'c', 'd', 'e']
const folders = new Map<string, string>()
let bytes: number

beforeAll(async () => {
  for (const [i, name] of names.entries()) folders.set(name, await savedAs(name, lora, 0.02 * (i + 1)))
  folders.set('whole', await savedAs('whole', { method: 'full' }, 0.01))
  bytes = (await describeAdapter(folders.get('a') as string, base)).bytes
})

async function open(options: Partial<EngineOptions> = {}): Promise<Engine & { asked: string[] }> {
  const asked: string[] = []
  const known = namedFolders([...folders.values()])
  const folderOf = (key: string) => {
    asked.push(key)
    return (options.folderOf ?? known)(key)
  }
  const engine = await openEngine({ base, threads: 1, ...options, folderOf })
  onTestFinished(() => engine.close())
  return Object.assign(engine, { asked })
}

const rows = (...adapters: string[]) => adapters.map((adapter) => ({ text, adapter }))
const keys = (engine: Engine) => engine.loaded().map(({ key }) => key)
const labels = (answers: readonly object[]) => answers.map((answer) => 'label' in answer)
const scoresOf = (answer: object) => (answer as Prediction).scores
const settled = () => new Promise((resolve) => setTimeout(resolve, 20))

describe('an adapter', () => {
  test('is loaded once, however many requests name it at a time', async () => {
    const engine = await open()
    const requests = Array.from({ length: 20 }, () => engine.classify(rows('a', 'b', 'a')))
    for (const answers of await Promise.all([...requests])) expect(labels(answers)).toEqual([true, true, true])
    await engine.load('a')
    expect(engine.asked.sort()).toEqual(['a', 'b'])
  })

  test('leaves when its room is needed and it was used least recently', async () => {
    const engine = await open({ adapterBytes: 3 * bytes })
    await engine.classify(rows('a', 'b', 'c'))
    await engine.classify(rows('a'))
    expect(keys(engine)).toEqual(['b', 'c', 'a'])
    await engine.classify(rows('d'))
    expect(keys(engine)).toEqual(['c', 'a', 'd'])
    expect(engine.loaded().map((one) => one.bytes)).toEqual([bytes, bytes, bytes])
    const [again] = await engine.classify(rows('b'))
    expect(scoresOf(again)).toEqual(scoresOf((await (await open()).classify(rows('b')))[0]))
    expect(keys(engine)).toEqual(['a', 'd', 'b'])
  })

  test('is not evicted while rows need it: more adapters than there is room for take turns', async () => {
    const engine = await open({ adapterBytes: 2 * bytes })
    const answers = await engine.classify(rows(...names, ...names))
    const alone = await (await open()).classify(rows(...names, ...names))
    for (const [i, answer] of answers.entries())
      for (const [label, score] of Object.entries(scoresOf(alone[i])))
        expect(scoresOf(answer)[label]).toBeCloseTo(score, 5)
    expect(engine.loaded()).toHaveLength(2)
  })

  test('that is larger than all the memory for adapters is refused, and none leaves for it', async () => {
    const engine = await open({ adapterBytes: 2 * bytes })
    await engine.classify(rows('a', 'b'))
    const answers = await engine.classify(rows('a', 'whole', 'b'))
    expect(labels(answers)).toEqual([true, false, true])
    expect(answers[1]).toMatchObject({ error: { code: 'adapter_too_large', subject: 'whole', status: 422 } })
    await expectError(engine.load('whole'), 'adapter_too_large', `at most ${engine.loaded()[0].bytes * 2} bytes`)
    expect(keys(engine)).toEqual(['a', 'b'])
  })

  test('of full fine-tuning counts with all its weights', async () => {
    const model = (await describeAdapter(folders.get('whole') as string, base)).bytes
    const engine = await open({ adapterBytes: model + 64 })
    expect(labels(await engine.classify(rows('a', 'whole')))).toEqual([true, true])
    expect(engine.loaded()).toMatchObject([{ key: 'whole', bytes: model }])
    expect(labels(await engine.classify(rows('b')))).toEqual([true])
    expect(keys(engine)).toEqual(['b'])
  })

  test('that is forgotten answers the rows that wait for it, and is read anew for the next', async () => {
    const dir = await savedAs('changing', lora, 0.02)
    const engine = await open({ folderOf: async () => dir })
    const before = await engine.classify(rows('changing'))
    const waiting = Array.from({ length: 8 }, () => engine.classify([{ text: textOf(512), adapter: 'changing' }]))
    const forgotten = engine.forget('changing')
    expect(keys(engine)).toEqual([])
    rmSync(dir, { recursive: true })
    cpSync(await savedAs('other', lora, 0.2), dir, { recursive: true })
    const after = await engine.classify(rows('changing'))
    for (const answers of await Promise.all(waiting)) expect(labels(answers)).toEqual([true])
    await forgotten
    expect(scoresOf(after[0])).not.toEqual(scoresOf(before[0]))
    expect(engine.asked).toHaveLength(2)
    await engine.forget('nobody')
  })
})

describe('an adapter that cannot be loaded', () => {
  const damaged: [string, (dir: string) => unknown, string][] = [
    [
      'is damaged',
      (dir) => editTensors(join(dir, 'adapter_model.safetensors'), (all) => all.delete([...all.keys()][0])),
      'checkpoint_corrupt',
    ],
    [
      'was made on another base',
      (dir) =>
        editJson(join(dir, 'graft.json'), (json) =>
          Object.assign(json.base as object, { fingerprint: '0'.repeat(64) }),
        ),
      'base_mismatch',
    ],
    ['is no folder', (dir) => rmSync(dir, { recursive: true }), 'file_missing'],
  ]
  test.each(damaged)('since it %s fails its rows alone, until it is fixed', async (_, damage, code) => {
    const whole = await savedAs('bad', lora, 0.1)
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

  test('since its label words are none of the base, says which it is', async () => {
    const label_words = { negative: 'worst', positive: 'flabbergastingly' }
    const mute = await savedAs('mute', lora, 0.1, { label_words })
    const engine = await open({ folderOf: async () => mute })
    await expectError(engine.load('mute'), 'label_words', 'mute', 'flabbergastingly')
    await expectError(describeAdapter(mute, base), 'label_words', 'mute', 'flabbergastingly')
    expect(engine.loaded()).toEqual([])
  })

  test('since nobody knows its key, fails its rows with that error', async () => {
    const engine = await open()
    const answers = await engine.classify(rows('a', 'nobody'))
    expect(answers[1]).toMatchObject({ error: { code: 'adapter_unknown', subject: 'nobody' } })
    expect(labels(answers)).toEqual([true, false])
  })
})

describe('while an adapter is on its way', () => {
  /** An engine whose adapter `slow` comes when the test says so. */
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

  test('rows that wait for it count as waiting, and what is beyond the room is refused at once', async () => {
    const { engine, arrive } = await openSlow({ queue: 3 })
    const slow = engine.classify(rows('slow', 'slow'))
    expect(engine.queue).toMatchObject({ waiting: 2, room: 3 })
    await expectError(engine.classify(rows('a', 'a')), 'overloaded', 'room for 1')
    expect(labels(await engine.classify(rows('a')))).toEqual([true])
    arrive()
    await slow
    expect(engine.queue.waiting).toBe(0)
    expect(labels(await engine.classify(rows('a', 'a', 'slow')))).toEqual([true, true, true])
  })

  test('a request that is given up leaves at once, and the adapter is there for the next', async () => {
    const { engine, arrive } = await openSlow()
    const stop = new AbortController()
    const given = engine.classify(rows('slow', 'a'), stop.signal)
    const kept = engine.classify(rows('slow'))
    stop.abort(new Error('gone'))
    await expect(given).rejects.toThrow('gone')
    await settled()
    expect(engine.queue.waiting).toBe(1)
    arrive()
    expect(labels(await kept)).toEqual([true])
    expect(engine.asked.filter((key) => key === 'slow')).toHaveLength(1)
  })

  test('an engine that closes refuses the rows that wait for it', async () => {
    const { engine, arrive } = await openSlow()
    const refused = [engine.classify(rows('slow')), engine.load('slow')].map((work) =>
      expectError(work, 'shutting_down'),
    )
    await engine.close()
    arrive()
    await Promise.all(refused)
  })
})

test('an adapter whose room others need for long is refused as overload, and those others are answered', async () => {
  const arena = openArena(bytes)
  const loader = openLoader({ base, memory: arena.buffer })
  onTestFinished(() => loader.close())
  const join = async () => ({
    mixture: { score: () => Promise.reject(new Error('nothing is scored here')) },
    leave() {},
  })
  const folderOf = async (key: string) => folders.get(key) as string
  const cache = openAdapterCache({ base, folderOf, loader, arena, mixtures: { join }, patience: 50 })
  const first = cache.hold('a')
  await first.ready
  const late = cache.hold('b')
  await expectError(late.ready, 'overloaded', 'the memory for b')
  late.release()
  const next = cache.hold('b')
  setTimeout(first.release, 20)
  expect((await next.ready).description.digest).toBe((await describeAdapter(folders.get('b') as string, base)).digest)
  expect(cache.loaded().map(({ key }) => key)).toEqual([basename(folders.get('b') as string)])
})
