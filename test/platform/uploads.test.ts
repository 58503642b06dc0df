import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { fail } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'
import { openArtifactStorage } from '../../platform/artifacts/open-artifacts.ts'
import { unpackFolder } from '../../platform/artifacts/unpack-folder.ts'
import { openArtifactCache } from '../../platform/files/cache.ts'
import { openUploads } from '../../platform/files/uploads.ts'
import { selectAdapters } from '../../platform/store/adapters.ts'
import { insertComparison } from '../../platform/store/comparisons.ts'
import { downloadAdapter, removeAdapter, uploadAdapter } from '../../platform/use-cases/adapters.ts'
import { expectError, freshPath } from '../checkpoint/helpers.ts'
import { makeAdapter, makeDataset } from '../contract/store/rows.ts'
import { archive, arriving, entry, readTree } from './artifacts/archives.ts'
import { type FakePlatform, fakePlatform } from './fake-platform.ts'

interface Server extends FakePlatform {
  home: string
  /** The folders that the engine loaded, with their files. */
  loaded: { dir: string; files: string[] }[]
  /** The names of the artifacts, of the cached artifacts, and of the folders of uploads. */
  list(): { artifacts: string[]; cache: string[]; work: string[] }
}

/** Returns a platform with files, whose engine accepts every adapter unless its label is `refused`. */
async function startServer(): Promise<Server> {
  const home = freshPath('home')
  const artifacts = await openArtifactStorage(join(home, 'artifacts'))
  const uploads = openUploads(home)
  onTestFinished(() => uploads.close())
  const platform = await fakePlatform([])
  const loaded: Server['loaded'] = []
  platform.engine.load = async (_key, dir = '') => {
    loaded.push({ dir, files: readdirSync(dir) })
    if (readTree(dir)['graft.json'] === Buffer.from('refused').toString('hex'))
      fail('checkpoint_corrupt', { subject: join(dir, 'graft.json'), problem: 'is refused', fix: 'Change it.' })
    const facts = { method: 'lora', base: 'embedded', trainable: 1, total: 2, bytes: 4, layout: 'peft', temperature: 1 }
    return { ...facts, digest: 'd'.repeat(64), labels: ['a', 'b'] }
  }
  const namesIn = (folder: string) => (existsSync(join(home, folder)) ? readdirSync(join(home, folder)) : [])
  const list = () => ({
    artifacts: namesIn('artifacts').filter((name) => name.length === 2),
    cache: namesIn('cache'),
    work: namesIn('work').flatMap((owner) => (isUuid(owner) ? namesIn(join('work', owner)) : [])),
  })
  const cache = openArtifactCache(artifacts, join(home, 'cache'))
  return { ...platform, artifacts, cache, uploads, home, loaded, list }
}

const config = entry({ name: 'adapter_config.json', content: '{"peft_type": "LORA"}' })
const weights = entry({ name: 'adapter_model.safetensors', content: 'weights' })
const manifest = (content: string) => entry({ name: 'graft.json', content })

test('an upload is stored without the files that are not part of its checkpoint', async () => {
  const server = await startServer()
  const junk = [
    entry({ name: 'junk.bin', content: Buffer.alloc(10_000) }),
    entry({ name: 'optimizer/state.safetensors' }),
  ]
  const { bytes } = await uploadAdapter(server, 'film', arriving(archive(...junk, config, weights, manifest('{}'))))
  expect(server.loaded).toMatchObject([{ dir: expect.stringMatching(/work\/.*\/film$/) }])
  expect(server.loaded[0].dir.startsWith(join(server.home, 'work'))).toBe(true)
  const [{ artifact }] = await selectAdapters(server.store.db, ['film'], () => 'adapter')
  const { content } = await server.artifacts.get(artifact)
  const packed = await buffer(content)
  expect(packed.length).toBe(bytes)
  await unpackFolder(arriving(packed), freshPath('unpacked'))
  const out = freshPath('out')
  await unpackFolder(arriving(packed), out)
  expect(Object.keys(readTree(out))).toEqual(['adapter_config.json', 'adapter_model.safetensors', 'graft.json'])
  expect(server.list()).toMatchObject({ cache: [], work: [] })
  expect(server.list().artifacts).toHaveLength(1)
})

test('the same checkpoint in a folder of its archive, or with other files, is the same artifact', async () => {
  const server = await startServer()
  const inFolder = [config, weights].map((bytes) => {
    const name = bytes.toString('utf8', 0, 100).replace(/\0/g, '')
    return entry({
      name: `some-folder/${name}`,
      content: bytes.subarray(512, 512 + Number.parseInt(bytes.toString('utf8', 124, 135), 8)),
    })
  })
  await uploadAdapter(server, 'one', arriving(archive(config, weights)))
  await uploadAdapter(server, 'two', arriving(archive(...inFolder)))
  await uploadAdapter(
    server,
    'three',
    arriving(archive(entry({ name: 'notes.md', content: 'hello' }), config, weights)),
  )
  const rows = await selectAdapters(server.store.db, ['one', 'two', 'three'], () => 'adapter')
  expect(new Set(rows.map(({ artifact }) => artifact)).size).toBe(1)
})

test('an upload keeps its model card, unless that is too large', async () => {
  const server = await startServer()
  const card = (bytes: number) => entry({ name: 'README.md', content: '#'.repeat(bytes) })
  const filesOf = async (name: string) => {
    const { content } = await downloadAdapter(server, name)
    const dir = freshPath('downloaded')
    await unpackFolder(content, dir)
    return readdirSync(dir).sort()
  }
  await uploadAdapter(server, 'one', arriving(archive(card(100), config, weights)))
  await uploadAdapter(server, 'two', arriving(archive(card(2 ** 20 + 1), config, weights)))
  expect(await filesOf('one')).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors'])
  expect(await filesOf('two')).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
  // Earlier versions kept no card, and what they stored is still the same adapter.
  const again = await uploadAdapter(server, 'two', arriving(archive(card(100), config, weights)))
  expect(again.name).toBe('two')
  const other = arriving(archive(card(101), config, weights))
  await expectError(uploadAdapter(server, 'one', other), 'name_taken')
})

test('an upload that is repeated under the same name returns the first adapter, and one of other files is refused', async () => {
  const server = await startServer()
  const upload = (weights: Buffer, key?: string) =>
    uploadAdapter(server, 'film', arriving(archive(config, weights)), { owner: '', key })
  const first = await upload(weights, 'first')
  expect(await upload(weights)).toEqual(first)
  expect(server.loaded).toHaveLength(1)
  const others = entry({ name: 'adapter_model.safetensors', content: 'others' })
  await expectError(upload(others), 'name_taken')
  await removeAdapter({ ...server, engine: { ...server.engine, unload: async () => {} } }, 'film')
  expect(await upload(weights, 'first')).toEqual(first)
  await expectError(upload(others, 'first'), 'idempotency_conflict')
})

test('nothing is left of an upload that is refused, and its error shows its name in place of a path', async () => {
  const server = await startServer()
  const empty = { artifacts: [], cache: [], work: [] }
  const refused = uploadAdapter(server, 'film', arriving(archive(config, weights, manifest('refused'))))
  await expectError(refused, 'checkpoint_corrupt', 'film/graft.json')
  await expect(refused).rejects.not.toThrow(server.home)
  expect(server.list()).toEqual(empty)
  await expectError(
    uploadAdapter(server, 'film', arriving(archive(weights))),
    'checkpoint_corrupt',
    'film',
    'adapter_model',
  )
  await expectError(uploadAdapter(server, 'film', arriving(config)), 'archive_invalid')
  expect(server.list()).toEqual(empty)
})

test('an archive may be as large as the base needs, and not larger', async () => {
  const server = await startServer()
  const large = (bytes: number) => archive(entry({ name: 'model.safetensors', size: bytes }))
  await expectError(uploadAdapter(server, 'film', arriving(large(300e6))), 'archive_too_large', '268435456')
  const bigger = { ...server, bases: [{ ...server.bases[0], bytes: 240e6 }] as const }
  await expectError(uploadAdapter(bigger, 'film', arriving(large(300e6))), 'archive_invalid', 'truncated')
  await expectError(uploadAdapter(bigger, 'film', arriving(large(600e6))), 'archive_too_large')
})

test('a few archives are unpacked at a time, and others are refused until one of them is done', async () => {
  const server = await startServer()
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const slow = async function* () {
    yield config
    await finished
    yield archive(weights)
  }
  const uploads = ['a', 'b', 'c', 'd'].map((name) => uploadAdapter(server, name, slow()))
  await expect.poll(() => server.list().work.length, { timeout: 60_000 }).toBe(4)
  await expectError(uploadAdapter(server, 'e', slow()), 'overloaded', 'already unpacking 4 archives')
  finish()
  expect((await Promise.all(uploads)).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd'])
  expect((await uploadAdapter(server, 'e', slow())).name).toBe('e')
  expect(server.list().work).toEqual([])
})

test('a process that starts removes the uploads of one that was killed', async () => {
  const home = freshPath('home')
  const left = join(home, 'work', '3f0d5f6e-5c1a-4f0c-9a53-3d5b0c3a1c11')
  mkdirSync(join(left, 'upload'), { recursive: true })
  writeFileSync(join(left, 'upload', 'weights'), 'x')
  openUploads(home).close()
  expect(existsSync(left)).toBe(false)
})

test('a deleted adapter leaves the cache, unless something else still needs its files', async () => {
  const server = await startServer()
  const { db } = server.store
  const upload = (name: string) => uploadAdapter(server, name, arriving(archive(config, weights)))
  const { id } = await upload('film')
  await upload('copy')
  const [{ artifact }] = await selectAdapters(db, ['film'], () => 'adapter')
  await server.cache.folder(artifact)
  await removeAdapter(server, 'film')
  expect(server.list().cache).toEqual([artifact])
  await removeAdapter(server, 'copy')
  expect(server.list().cache).toEqual([])

  const { id: compared } = await upload('compared')
  await server.cache.folder(artifact)
  const { id: dataset_id } = await makeDataset(db)
  const adapters = [id, compared].map((adapter) => ({ id: adapter, name: 'x', digest: 'd'.repeat(64) }))
  await insertComparison(db, { adapters, dataset_id })
  await removeAdapter(server, 'compared')
  expect(server.list().cache).toEqual([artifact])
})

test('a prediction reads neither the metrics nor the labels of an adapter', async () => {
  const { db } = (await startServer()).store
  const { name } = await makeAdapter(db, { metrics: { note: 'large' } })
  const [row] = await selectAdapters(db, [name], () => 'adapter')
  expect(Object.keys(row).sort()).toEqual(['aliases', 'artifact', 'base', 'base_id', 'digest', 'id', 'name'])
})
