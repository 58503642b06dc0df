import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { saveAdapter } from '../../checkpoint/adapter.ts'
import { type Base, loadBase } from '../../checkpoint/base.ts'
import type { Api } from '../../cli/store/api.ts'
import { makeLocalApi } from '../../cli/store/local-api.ts'
import { packFolder } from '../../platform/artifacts/pack-folder.ts'
import { openPlatform } from '../../platform/open-platform.ts'
import { afterFile } from '../after-file.ts'
import { copyFolder, editTensors, expectError, freshPath, randomAdapter } from '../checkpoint/helpers.ts'
import { tinyBase } from '../training/tiny.ts'

const texts = ['a lovely and moving film', 'dull awful night', 'the city']
const folders: string[] = []
let bases: Base[]
let api: Api

beforeAll(async () => {
  const other = copyFolder(tinyBase())
  await editTensors(join(other, 'model.safetensors'), (tensors) => {
    for (const { data } of tensors.values()) for (let i = 0; i < data.length; i += 7) data[i] *= 1.5
  })
  folders.push(tinyBase(), other)
  bases = await Promise.all(folders.map(loadBase))
  api = await open(folders)
})

async function open(base: string | readonly string[]): Promise<Api> {
  const platform = await openPlatform({ base, home: freshPath('home'), databaseUrl: '', threads: 1 })
  afterFile(() => platform.close())
  return makeLocalApi(platform)
}

/** Saves an adapter on a base, and returns its folder as an archive. */
async function archiveOf(base: Base, { manifest = true } = {}): Promise<AsyncIterable<Uint8Array>> {
  const dir = freshPath('adapter')
  const label_words = { negative: 'dull', positive: 'superb' }
  const fields = { label_words, labels: ['negative', 'positive'] }
  await saveAdapter(dir, randomAdapter({ method: 'lora', rank: 2 }, base, 0.3), base, fields)
  if (!manifest) rmSync(join(dir, 'graft.json'))
  return packFolder(dir)
}

const upload = async (to: Api, name: string, content: AsyncIterable<Uint8Array>, base?: string) =>
  to.adapters.upload(name, ReadableStream.from(content) as ReadableStream, { base })

test('each adapter is served on its own base, also when one request names adapters of both', async () => {
  for (const [i, name] of ['first', 'second'].entries())
    expect((await upload(api, name, await archiveOf(bases[i]))).base).toBe(bases[i].name)
  const { results } = await api.predict({ inputs: texts, adapters: ['second', 'first'] })
  for (const [i, name] of ['first', 'second'].entries()) {
    const single = await open(folders[i])
    await upload(single, name, await archiveOf(bases[i]))
    const alone = await single.predict({ inputs: texts, adapter: name })
    for (const [row, result] of alone.results.entries())
      expect(results[row][1 - i]).toEqual(expect.objectContaining(result))
  }
})

test('an adapter that does not name its base is tried on the first one, or on the one that the upload names', async () => {
  expect((await upload(api, 'nameless', await archiveOf(bases[1], { manifest: false }))).base).toBe(bases[0].name)
  const named = await upload(api, 'named', await archiveOf(bases[1], { manifest: false }), bases[1].name)
  expect(named.base).toBe(bases[1].name)
  await expect(upload(api, 'lost', await archiveOf(bases[1]), bases[0].name)).rejects.toMatchObject({
    code: 'base_mismatch',
  })
  await expect(upload(api, 'lost', await archiveOf(bases[1]), 'nothing')).rejects.toMatchObject({
    code: 'base_unknown',
  })
})

test('the list of bases says that both are served', async () => {
  const served = (await Array.fromAsync(api.bases.list())).filter((base) => base.served)
  expect(served.map(({ name }) => name).sort()).toEqual(bases.map(({ name }) => name).sort())
})

test('the same base twice is refused', async () => {
  await expectError(open([folders[0], copyFolder(folders[0])]), 'usage', 'twice')
})
