import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { HOUR_MS } from '../../../core/durations.ts'
import type { StoredArtifact } from '../../../platform/artifacts/artifacts.ts'
import { collectArtifacts } from '../../../platform/artifacts/collect.ts'
import { expectError } from '../../checkpoint/helpers.ts'
import { all, kinds } from './places.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const ago = (milliseconds: number): Date => new Date(Date.now() - milliseconds)

const digests = async (items: AsyncIterable<StoredArtifact>) => (await all(items)).map(({ digest }) => digest).sort()

async function* toAsync(...digests: string[]) {
  yield* digests
}

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

  test('a collection removes artifacts that nothing refers to', async () => {
    const { artifacts } = await open()
    const [kept, unreferenced] = await Promise.all(['kept', 'loose'].map((text) => artifacts.put([Buffer.from(text)])))
    const referenced = toAsync(kept.digest, sha256(Buffer.from('stored elsewhere')))
    const collected = await collectArtifacts(artifacts, referenced, { olderThan: ago(-HOUR_MS) })
    expect(collected).toEqual({ artifacts: 1, bytes: 5 })
    expect(await digests(artifacts.list())).toEqual([kept.digest])
    await expectError(artifacts.get(unreferenced.digest), 'artifact_missing')
  })

  test('a collection spares recent artifacts, and all artifacts if the references cannot be read', async () => {
    const { artifacts } = await open()
    const { digest } = await artifacts.put([Buffer.from('content')])
    expect(await collectArtifacts(artifacts, toAsync(), { olderThan: ago(HOUR_MS) })).toEqual({
      artifacts: 0,
      bytes: 0,
    })
    const failing = async function* () {
      yield sha256(Buffer.from('something'))
      throw new Error('the database went away')
    }
    const collection = collectArtifacts(artifacts, failing(), { olderThan: ago(-HOUR_MS) })
    await expect(collection).rejects.toThrow('the database went away')
    expect(await digests(artifacts.list())).toEqual([digest])
  })
})
