import { mkdirSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { openEngine } from '../../serving/engine.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { base, configs, foldersByName, saveRandomAdapter, textOf } from './adapters.ts'

const names = ['lora-4', 'seq-bn', 'prompt', 'full']
const chosen = configs.filter(([name]) => names.includes(name))
const folders = await Promise.all(chosen.map(([name, config, size]) => saveRandomAdapter(name, config, size)))
const empty = freshPath('empty')
mkdirSync(empty, { recursive: true })
const options = { folderOf: foldersByName([...folders, empty]), threads: 1 }
const [usual, alone] = await Promise.all([
  openEngine({ ...options, base }),
  openEngine({ ...options, base: base.dir, alone: true }),
])
afterAll(async () => {
  await usual.close()
  await alone.close()
})

test('an engine without threads of its own for adapters and texts gives the same answers', async () => {
  const rows = [...names, 'empty'].flatMap((adapter) =>
    [textOf(5), textOf(900, 1), ' '].map((text) => ({ adapter, text })),
  )
  const answers = await alone.classify(rows)
  expect(answers).toEqual(await usual.classify(rows))
  expect(answers.at(-1)).toMatchObject({ error: { code: 'file_missing' } })
})

test('a request that is cancelled while its texts are tokenized ends', async () => {
  const texts = Array.from({ length: 200 }, (_, i) => ({ adapter: 'lora-4', text: textOf(2000, i) }))
  const answer = alone.classify(texts, AbortSignal.timeout(20))
  await expect(answer).rejects.toMatchObject({ name: 'TimeoutError' })
})

test('an engine whose base cannot be read leaves no thread behind', async () => {
  const countThreads = () => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length
  const before = countThreads()
  const failing = openEngine({ ...options, threads: 2, base: Promise.reject(new Error('no base')) })
  expect(countThreads()).toBeGreaterThan(before)
  await expect(failing).rejects.toThrow('no base')
  expect(countThreads()).toBe(before)
})
