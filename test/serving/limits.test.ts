import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ManifestFields } from '../../checkpoint/manifest.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { openEngine } from '../../serving/engine.ts'
import type { Engine, EngineOptions } from '../../serving/engine-types.ts'
import { expectError } from '../checkpoint/helpers.ts'
import { base, foldersByName, saveRandomAdapter, textOf } from './adapters.ts'

/** Opens an engine with adapters of these names, and closes it when the test ends. */
async function open(
  adapters: Readonly<Record<string, readonly [method: MethodConfig, fields?: ManifestFields]>>,
  options: Partial<EngineOptions> = {},
): Promise<Engine> {
  const folders = Object.entries(adapters).map(([name, [method, fields]]) =>
    saveRandomAdapter(name, method, 0.02, fields),
  )
  const engine = await openEngine({ base, folderOf: foldersByName(await Promise.all(folders)), threads: 1, ...options })
  onTestFinished(() => engine.close())
  return engine
}

const film = { film: [{ method: 'lora', rank: 4 }] } as const
const maxTokens = (max_tokens: number): ManifestFields => ({ truncation: { max_tokens, side: 'left' } })
const isAnswered = (answers: Awaited<ReturnType<Engine['classify']>>) => answers.every((answer) => 'label' in answer)

describe('an adapter', () => {
  test('that reads more tokens than the engine allows is rejected with the limit and the flag, unless it is raised', async () => {
    const adapters = { long: [{ method: 'lora', rank: 4 }, maxTokens(2049)] } as const
    const engine = await open(adapters)
    expect(engine.maxTokens).toBe(2048)
    await expectError(engine.load('long'), 'adapter_too_large', 'long', 'at most 2048 tokens', '--max-tokens 2049')
    const [answer] = await engine.classify([{ text: 'good', adapter: 'long' }])
    expect(answer).toMatchObject({ error: { code: 'adapter_too_large', status: 422 } })
    const raised = await open(adapters, { maxTokens: 2049 })
    expect(await raised.classify([{ text: textOf(3000), adapter: 'long' }])).toMatchObject([
      { tokens: 2049, truncated: true },
    ])
  })

  test('is charged for its virtual tokens', async () => {
    const adapters = {
      most: [{ method: 'soft-prompt', tokens: 1536 }],
      more: [{ method: 'soft-prompt', tokens: 1537 }],
    } as const
    const engine = await open(adapters)
    expect(await engine.load('most')).toMatchObject({ method: 'soft-prompt' })
    await expectError(engine.load('more'), 'adapter_too_large', '1537 virtual tokens', '--max-tokens 2049')
  })

  test('with more parameters than its base is rejected before its weights are read', async () => {
    // LoRA on the queries and values has 6,144 parameters for each rank.
    const dir = await saveRandomAdapter('wide', { method: 'lora', rank: 1500 }, 0.02)
    writeFileSync(join(dir, 'adapter_model.safetensors'), '')
    const engine = await open({}, { folderOf: async () => dir })
    await expectError(engine.load('wide'), 'adapter_too_large', '9216000 parameters', 'as many as the base has')
  })

  test('with millions of parameters takes little memory for each text, and none from texts for others', async () => {
    const engine = await open({ ...film, wide: [{ method: 'lora', rank: 1024 }] })
    for (const adapter of ['film', 'wide']) await engine.load(adapter)
    const before = process.memoryUsage.rss()
    const texts = Array.from({ length: 256 }, (_, i) => textOf(5, i))
    for (const adapter of ['film', 'wide'])
      expect(isAnswered(await engine.classify(texts.map((text) => ({ text, adapter }))))).toBe(true)
    expect(
      isAnswered(await engine.classify(texts.map((text, i) => ({ text, adapter: i % 2 ? 'film' : 'wide' })))),
    ).toBe(true)
    // The parameters of the large adapter for each of 256 rows would have 4 GB.
    expect((process.memoryUsage.rss() - before) / 2 ** 20, 'MB').toBeLessThan(400)
  })
})

describe('a request', () => {
  test('that exceeds the free characters is rejected as a whole, and one that fits is answered', async () => {
    const engine = await open(film, { queueCharacters: 100 })
    const rows = (...lengths: number[]) => lengths.map((length) => ({ text: 'x'.repeat(length), adapter: 'film' }))
    await expectError(
      engine.classify(rows(60, 41)),
      'overloaded',
      'room for only 100 of the 101 characters',
      'at most 100',
    )
    const first = engine.classify(rows(70))
    await expectError(engine.classify(rows(31)), 'overloaded', 'room for only 30 ')
    expect(isAnswered(await first)).toBe(true)
    expect(isAnswered(await engine.classify(rows(50, 49)))).toBe(true)
  })

  test('is charged for a text once, however many adapters classify it', async () => {
    const adapters = { a: film.film, b: film.film, c: [film.film[0], maxTokens(8)] } as const
    const engine = await open(adapters, { queueCharacters: 100 })
    for (const name of Object.keys(adapters)) await engine.load(name)
    const rows = ['a', 'b', 'c'].map((adapter) => ({ text: `${textOf(12)} ${'x'.repeat(40)}`.slice(0, 100), adapter }))
    const [a, b, c] = await engine.classify(rows)
    expect(isAnswered([a, b, c])).toBe(true)
    expect(c).toMatchObject({ tokens: 8, truncated: true })
    expect(a).toMatchObject({ truncated: false })
  })

  test('that is not complete in time fails, whatever it waits for, and leaves the queue', async () => {
    const never = new Promise<string>(() => {})
    const engine = await open({}, { folderOf: () => never, deadlineMs: 50 })
    await expectError(engine.classify([{ text: 'good', adapter: 'slow' }]), 'prediction_timeout', 'after 0.05 seconds')
    expect(engine.queue.waiting).toBe(0)
    const busy = await open(film, { deadlineMs: 1000 })
    await busy.load('film')
    const rows = Array.from({ length: 3000 }, (_, i) => ({ text: textOf(512, i % 5), adapter: 'film' }))
    await expectError(busy.classify(rows), 'prediction_timeout', 'after 1 seconds')
    expect(busy.queue.waiting).toBe(0)
    expect(isAnswered(await busy.classify([{ text: 'good', adapter: 'film' }]))).toBe(true)
  })

  test('of a client with few texts does not wait for all texts of another', async () => {
    const engine = await open(film)
    await engine.load('film')
    const stop = new AbortController()
    const rows = Array.from({ length: 3000 }, (_, i) => ({ text: textOf(512, i % 5), adapter: 'film' }))
    const many = expect(engine.classify(rows, stop.signal, 'many')).rejects.toThrow('gone')
    await expect.poll(() => engine.queue.waiting).toBeLessThan(3000)
    for (let i = 0; i < 3; i++)
      expect(isAnswered(await engine.classify([{ text: 'good', adapter: 'film' }], undefined, 'few'))).toBe(true)
    expect(engine.queue.waiting).toBeGreaterThan(2900)
    stop.abort(new Error('gone'))
    await many
  })
})
