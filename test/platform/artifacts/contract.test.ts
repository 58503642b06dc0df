import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { HOUR_MS } from '../../../core/durations.ts'
import type { StoredArtifact } from '../../../platform/artifacts/artifacts.ts'
import { collectArtifacts } from '../../../platform/artifacts/collect.ts'
import { expectError } from '../../checkpoint/helpers.ts'
import { all, kinds } from './places.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const ago = (milliseconds: number): Date => new Date(Date.now() - milliseconds)

const digests = async (items: AsyncIterable<StoredArtifact>) => (await all(items)).map(({ digest }) => digest).sort()

const inAnHour = (): Date => ago(-HOUR_MS)
/** Buckets date their objects in whole seconds. */
const nextSecond = () => pause(1001)
const none = async (): Promise<ReadonlySet<string>> => new Set()

/** Yields one chunk for each letter. */
async function* makeChunks(letters: string, size: number) {
  for (const letter of letters) yield Buffer.alloc(size, letter)
}

describe.each(kinds.filter(({ isHere }) => !isHere))('artifacts in $name', () => {
  test.skip('satisfy the contract', () => {})
})

describe.each(kinds.filter(({ isHere }) => isHere))('artifacts in $name', ({ open }) => {
  test.each([0, 1, 1000, 16 * 1024 * 1024, 33 * 1024 * 1024 + 7])(
    '%i bytes are read as they were put, by their SHA-256',
    async (size) => {
      const { artifacts, again } = await open()
      const bytes = Buffer.alloc(size, 'graft ')
      const digest = sha256(bytes)
      expect(await artifacts.put([bytes.subarray(0, 7), bytes.subarray(7)])).toEqual({ digest, bytes: size })
      const found = await (await again()).get(digest)
      expect(found.bytes).toBe(size)
      expect(sha256(await buffer(found.content))).toBe(digest)
      expect(await all(artifacts.list())).toEqual([{ digest, bytes: size, putAt: expect.any(Date) }])
    },
  )

  test('an artifact that was never put is missing, and so is anything that is not a digest', async () => {
    const { artifacts } = await open()
    const digest = sha256(Buffer.from('never'))
    await expectError(artifacts.get(digest), 'artifact_missing', digest)
    for (const name of ['', '..', '../../etc/passwd', digest.toUpperCase(), `${digest}0`, `ab/${digest.slice(2)}`]) {
      await expectError(artifacts.get(name), 'artifact_missing', '64 hexadecimal digits')
      expect(await artifacts.remove(name)).toBe(false)
    }
  })

  test.each([
    ['altered', Buffer.from('Content')],
    ['truncated', Buffer.from('cont')],
    ['emptied', Buffer.alloc(0)],
  ])(
    'the error of an artifact that was %s has both digests, and putting the same content again repairs it',
    async (_, bytes) => {
      const { artifacts, damage } = await open()
      const { digest } = await artifacts.put([Buffer.from('content')])
      await damage(digest, bytes)
      await expectError(artifacts.get(digest), 'artifact_corrupt', digest, sha256(bytes), `${bytes.length} bytes`)
      await artifacts.put([Buffer.from('content')])
      expect(await buffer((await artifacts.get(digest)).content)).toEqual(Buffer.from('content'))
    },
  )

  test('the same content that is put concurrently is one artifact', async () => {
    const { artifacts, again } = await open()
    const others = await Promise.all([again(), again()])
    const puts = [artifacts, ...others, artifacts, ...others].map((at) => at.put(makeChunks('abcdef', 50_000)))
    const made = await Promise.all(puts)
    expect(new Set(made.map(({ digest }) => digest)).size).toBe(1)
    expect(await digests(artifacts.list())).toEqual([made[0].digest])
    expect(await buffer((await artifacts.get(made[0].digest)).content)).toHaveLength(300_000)
  })

  test('content that fails halfway leaves nothing, and its error is passed on', async () => {
    const { artifacts } = await open()
    const failing = async function* () {
      yield Buffer.alloc(100_000)
      throw new Error('the client went away')
    }
    await expect(artifacts.put(failing())).rejects.toThrow('the client went away')
    expect(await all(artifacts.list())).toEqual([])
  })

  test('an artifact that was removed is missing, and can be put again', async () => {
    const { artifacts } = await open()
    const { digest } = await artifacts.put([Buffer.from('content')])
    expect(await artifacts.remove(digest)).toBe(true)
    expect(await artifacts.remove(digest)).toBe(false)
    await expectError(artifacts.get(digest), 'artifact_missing', digest)
    await artifacts.put([Buffer.from('content')])
    expect(await digests(artifacts.list())).toEqual([digest])
  })

  test('a removal with a time spares an artifact that was put since then', async () => {
    const { artifacts } = await open()
    const { digest } = await artifacts.put([Buffer.from('content')])
    expect(await artifacts.remove(digest, { putBefore: ago(HOUR_MS) })).toBe(false)
    expect(await digests(artifacts.list())).toEqual([digest])
    expect(await artifacts.remove(digest, { putBefore: ago(-HOUR_MS) })).toBe(true)
    expect(await digests(artifacts.list())).toEqual([])
  })

  test('an artifact that is being read stays complete when it is removed', async () => {
    const { artifacts } = await open()
    const { digest } = await artifacts.put(makeChunks('abcdefghij', 1_000_000))
    const { content } = await artifacts.get(digest)
    await artifacts.remove(digest)
    expect(sha256(await buffer(content))).toBe(digest)
  })

  test('a collection puts what nothing refers to into the trash, where it stays readable, and a later one removes it', async () => {
    const { artifacts, again } = await open()
    const [kept, unreferenced] = await Promise.all(['kept', 'loose'].map((text) => artifacts.put([Buffer.from(text)])))
    const references = async () => new Set([kept.digest, sha256(Buffer.from('stored elsewhere'))])
    await nextSecond()
    const first = await collectArtifacts(artifacts, references, { putBefore: inAnHour(), trashedBefore: inAnHour() })
    expect(first).toMatchObject({ artifacts: 2, trashed: 1, removed: 0 })
    expect(await all(artifacts.listTrash())).toEqual([{ digest: unreferenced.digest, trashedAt: expect.any(Date) }])
    expect(await buffer((await artifacts.get(unreferenced.digest)).content)).toEqual(Buffer.from('loose'))

    const early = { putBefore: inAnHour(), trashedBefore: ago(HOUR_MS) }
    expect(await collectArtifacts(await again(), references, early)).toMatchObject({ trashed: 0, removed: 0 })
    expect(await digests(artifacts.list())).toEqual([kept.digest, unreferenced.digest].sort())

    const due = { putBefore: inAnHour(), trashedBefore: inAnHour() }
    expect(await collectArtifacts(artifacts, references, due)).toMatchObject({ removed: 1, removedBytes: 5 })
    expect(await digests(artifacts.list())).toEqual([kept.digest])
    expect(await all(artifacts.listTrash())).toEqual([])
    await expectError(artifacts.get(unreferenced.digest), 'artifact_missing')
  })

  test.each([
    ['is referred to again', false],
    ['is put again', true],
  ])('an artifact that %s comes out of the trash', async (_, putAgain) => {
    const { artifacts } = await open()
    const { digest } = await artifacts.put([Buffer.from('content')])
    await nextSecond()
    await artifacts.trash(digest)
    if (putAgain) {
      await nextSecond()
      await artifacts.put([Buffer.from('content')])
    }
    const references = async () => new Set(putAgain ? [] : [digest])
    const due = { putBefore: ago(HOUR_MS), trashedBefore: inAnHour() }
    expect(await collectArtifacts(artifacts, references, due)).toMatchObject({ restored: 1, removed: 0, trashed: 0 })
    expect(await all(artifacts.listTrash())).toEqual([])
    expect(await digests(artifacts.list())).toEqual([digest])
  })

  test('a collection spares recent artifacts, and changes nothing if the references cannot be read', async () => {
    const { artifacts } = await open()
    const { digest } = await artifacts.put([Buffer.from('content')])
    const recent = { putBefore: ago(HOUR_MS), trashedBefore: inAnHour() }
    expect(await collectArtifacts(artifacts, none, recent)).toMatchObject({ trashed: 0, removed: 0 })
    await nextSecond()
    await artifacts.trash(digest)
    const failing = () => Promise.reject(new Error('the database went away'))
    const collection = collectArtifacts(artifacts, failing, { putBefore: inAnHour(), trashedBefore: inAnHour() })
    await expect(collection).rejects.toThrow('the database went away')
    expect(await digests(artifacts.list())).toEqual([digest])
    expect(await all(artifacts.listTrash())).toMatchObject([{ digest }])
  })

  test('a collection trashes or removes at most half of the artifacts, and says how many it postponed', async () => {
    const { artifacts } = await open()
    await Promise.all(Array.from({ length: 34 }, (_, i) => artifacts.put([Buffer.from(`content ${i}`)])))
    await nextSecond()
    const trash = { putBefore: inAnHour(), trashedBefore: ago(HOUR_MS) }
    expect(await collectArtifacts(artifacts, none, trash)).toMatchObject({ trashed: 17, postponed: 17 })
    expect(await collectArtifacts(artifacts, none, trash)).toMatchObject({ trashed: 17, postponed: 0 })
    const remove = { putBefore: inAnHour(), trashedBefore: inAnHour() }
    expect(await collectArtifacts(artifacts, none, remove)).toMatchObject({ removed: 17, postponed: 17 })
    expect(await all(artifacts.list())).toHaveLength(17)
    // The limit never falls below 16.
    expect(await collectArtifacts(artifacts, none, remove)).toMatchObject({ removed: 16, postponed: 1 })
    expect(await collectArtifacts(artifacts, none, remove)).toMatchObject({ removed: 1, postponed: 0 })
  })
})
