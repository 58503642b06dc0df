import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { HOUR_MS } from '../../../core/durations.ts'
import { keyOf } from '../../../platform/artifacts/artifacts.ts'
import { collectArtifacts } from '../../../platform/artifacts/collect.ts'
import { openFolderStorage } from '../../../platform/artifacts/folder.ts'
import { expectError } from '../../checkpoint/helpers.ts'
import { all, freshPath } from './places.ts'

const longAgo = new Date('2020-01-01')
const inAnHour = () => new Date(Date.now() + HOUR_MS)
const content = [Buffer.from('content')]

const count = async (items: AsyncIterable<unknown>) => (await all(items)).length

const none = async (): Promise<ReadonlySet<string>> => new Set()

test('a put that is killed leaves no artifact, and its partial file is removed when it is old', async () => {
  const dir = freshPath()
  const child = spawn(process.execPath, [join(import.meta.dirname, 'put-forever.ts'), dir])
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')

  const partials = join(dir, 'partial')
  const [partial] = readdirSync(partials)
  expect(statSync(join(partials, partial)).size).toBeGreaterThan(1_000_000)
  expect(await count((await openFolderStorage(dir)).list())).toBe(0)

  await (await openFolderStorage(dir)).put(content)
  expect(readdirSync(partials)).toEqual([partial])
  utimesSync(join(partials, partial), longAgo, longAgo)
  await (await openFolderStorage(dir)).put(content)
  expect(readdirSync(partials)).toEqual([])
})

test('a failed put leaves no file', async () => {
  const dir = freshPath()
  const failing = function* () {
    yield Buffer.alloc(1000)
    throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  }
  await expect((await openFolderStorage(dir)).put(failing())).rejects.toThrow('no space left')
  expect(readdirSync(dir, { recursive: true }).sort()).toEqual(['partial', 'trash'])
})

test('putting the same content again protects it from a collection', async () => {
  const dir = freshPath()
  const artifacts = await openFolderStorage(dir)
  const { digest } = await artifacts.put(content)
  const due = { putBefore: new Date('2021-01-01'), trashedBefore: inAnHour() }
  utimesSync(join(dir, keyOf(digest)), longAgo, longAgo)
  await artifacts.put(content)
  expect(await collectArtifacts(artifacts, none, due)).toMatchObject({ trashed: 0 })
  utimesSync(join(dir, keyOf(digest)), longAgo, longAgo)
  expect(await collectArtifacts(artifacts, none, due)).toMatchObject({ trashed: 1 })
  await artifacts.put(content)
  expect(await collectArtifacts(artifacts, none, due)).toMatchObject({ removed: 0, restored: 1 })
})

test('a removal that was killed halfway is undone', async () => {
  const dir = freshPath()
  const { digest } = await (await openFolderStorage(dir)).put(content)
  renameSync(join(dir, keyOf(digest)), join(dir, 'partial', `${digest}.0d4be1c2`))
  const artifacts = await openFolderStorage(dir)
  await expectError(artifacts.get(digest), 'artifact_missing')
  await artifacts.put([Buffer.from('another')])
  expect(await buffer((await artifacts.get(digest)).content)).toEqual(content[0])
  expect(readdirSync(join(dir, 'partial'))).toEqual([])
})

test('content that is put again between the check of its date and its removal stays', async () => {
  const dir = freshPath()
  const artifacts = await openFolderStorage(dir)
  const { digest } = await artifacts.put(content)
  const path = join(dir, keyOf(digest))
  utimesSync(path, longAgo, longAgo)
  let checks = 0
  // Each comparison of the date is a check. After the first one, the file is as new as after a put.
  const check = () => {
    if (++checks === 1) utimesSync(path, new Date(), new Date())
    return Date.parse('2021-01-01')
  }
  const putBefore = Object.assign(new Date(), { valueOf: check })
  expect(await artifacts.remove(digest, { putBefore })).toBe(false)
  expect(checks).toBe(2)
  expect(await buffer((await artifacts.get(digest)).content)).toEqual(content[0])
  expect(readdirSync(join(dir, 'partial'))).toEqual([])
})

test('other files in the folder are not artifacts', async () => {
  const dir = freshPath()
  const artifacts = await openFolderStorage(dir)
  const { digest } = await artifacts.put(content)
  for (const name of ['README', `${digest.slice(0, 2)}/notes`]) writeFileSync(join(dir, name), 'text')
  expect(await all(artifacts.list())).toMatchObject([{ digest }])
  const due = { putBefore: inAnHour(), trashedBefore: inAnHour() }
  expect(await collectArtifacts(artifacts, none, due)).toMatchObject({ artifacts: 1, trashed: 1 })
  expect(readdirSync(dir, { recursive: true })).toEqual(
    expect.arrayContaining(['README', `${digest.slice(0, 2)}/notes`]),
  )
})

test('an operator can date the trash back, so that the next collection removes it at once', async () => {
  const dir = freshPath()
  const artifacts = await openFolderStorage(dir)
  const { digest } = await artifacts.put(content)
  const now = { putBefore: inAnHour(), trashedBefore: new Date('2021-01-01') }
  expect(await collectArtifacts(artifacts, none, now)).toMatchObject({ trashed: 1 })
  utimesSync(join(dir, 'trash', digest), longAgo, longAgo)
  utimesSync(join(dir, keyOf(digest)), new Date('2019-01-01'), new Date('2019-01-01'))
  expect(await collectArtifacts(artifacts, none, now)).toMatchObject({ removed: 1 })
})
