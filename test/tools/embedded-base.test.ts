import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadAdapter, saveAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import { openFolderStorage } from '../../platform/artifacts/folder.ts'
import { packFolder } from '../../platform/artifacts/pack-folder.ts'
import { fetchBaseFolder } from '../../platform/files/base-folder.ts'
import { openArtifactCache } from '../../platform/files/cache.ts'
import { freshPath, randomAdapter } from '../checkpoint/helpers.ts'
import { randomBase } from '../checkpoint/random-base.ts'
import { runTool } from './run-tool.ts'

const source = randomBase()
const made = freshPath('made')
const printed = await runTool('make-embedded-base', source, made)
const exported = freshPath('exported')
await runTool('export-base', exported, made)

const FILES = ['config.json', 'graft-base.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']
const contentsOf = (dir: string) => Object.fromEntries(FILES.map((name) => [name, readFileSync(join(dir, name))]))
const storageOf = (dir: string) => /"graft_storage":"(\w+)"/.exec(readFileSync(join(dir, FILES[2]), 'latin1'))?.[1]

test('make-embedded-base writes a complete base of int8 rows, and prints its size, error and fingerprint', async () => {
  expect(readdirSync(made).sort()).toEqual(FILES)
  expect(storageOf(made)).toBe('int8_rows')
  const { fingerprint, labelWords, tokenizer } = await loadBase(made)
  expect(printed).toContain(`fingerprint: ${fingerprint}`)
  expect(Number(/error: (\S+)/.exec(printed)?.[1])).toBeLessThan(0.01)
  expect(labelWords).toEqual({ negative: 'worst', positive: 'excellent' })
  expect(tokenizer).toBeDefined()
})

test('the same source gives the same bytes, and so does the exported base', async () => {
  const [again, back] = [freshPath('again'), freshPath('back')]
  await runTool('make-embedded-base', source, again)
  await runTool('make-embedded-base', exported, back)
  expect(contentsOf(again)).toEqual(contentsOf(made))
  expect(contentsOf(back)).toEqual(contentsOf(made))
})

test('without label words in the source, those of the folder stay', async () => {
  const bare = randomBase()
  rmSync(join(bare, 'graft-base.json'))
  await expect(runTool('make-embedded-base', bare, freshPath())).rejects.toThrow('contains graft-base.json')
  const target = randomBase()
  writeFileSync(join(target, 'graft-base.json'), '{"label_words": {"a": "fine", "b": "worst"}}')
  await runTool('make-embedded-base', bare, target)
  expect((await loadBase(target)).labelWords).toEqual({ a: 'fine', b: 'worst' })
  expect(storageOf(target)).toBe('int8_rows')
})

test('export-base writes the tensors that Graft reads, in float32, with the tokenizer', async () => {
  expect(readdirSync(exported).sort()).toEqual(FILES)
  expect(storageOf(exported)).toBeUndefined()
  const [ours, theirs] = await Promise.all([loadBase(made), loadBase(exported)])
  expect(theirs.tensors).toEqual(ours.tensors)
  expect(theirs).toMatchObject({ fingerprint: ours.fingerprint, configText: ours.configText })
  expect(theirs.tokenizer).toEqual(ours.tokenizer)
  await expect(runTool('export-base', exported, made)).rejects.toThrow('expected no folder, or an empty one')
})

test('export-base exports the embedded base by default', async () => {
  const out = freshPath('embedded')
  await runTool('export-base', out)
  const [ours, theirs] = await Promise.all([loadBase(embeddedBase), loadBase(out)])
  expect(theirs.fingerprint).toBe(ours.fingerprint)
})

test('an adapter of a base also loads on the exported base', async () => {
  const base = await loadBase(made)
  const dir = freshPath('adapter')
  const saved = await saveAdapter(dir, randomAdapter({ method: 'lora', rank: 2 }, base), base)
  expect((await loadAdapter(dir, await loadBase(exported))).digest).toBe(saved.digest)
})

test.each(['int8 rows', 'float32'])('a base in %s reaches other machines through the artifacts', async (form) => {
  const dir = form === 'float32' ? exported : made
  const artifacts = await openFolderStorage(freshPath('artifacts'))
  const { digest } = await artifacts.put(packFolder(dir))
  const folder = await fetchBaseFolder(
    { name: 'made', artifact: digest },
    openArtifactCache(artifacts, freshPath('cache')),
  )
  expect(contentsOf(folder)).toEqual(contentsOf(dir))
  expect((await loadBase(folder)).fingerprint).toBe((await loadBase(made)).fingerprint)
})

test('the embedded base of another version is not taken for the one of this version', async () => {
  const cache = openArtifactCache(await openFolderStorage(freshPath('artifacts')), freshPath('cache'))
  expect(await fetchBaseFolder({ name: 'embedded', artifact: null }, cache)).toBe(embeddedBase)
  await expect(fetchBaseFolder({ name: 'embedded-0a1b2c3d', artifact: null }, cache)).rejects.toMatchObject({
    code: 'base_mismatch',
  })
})
