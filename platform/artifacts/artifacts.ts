import type { Readable } from 'node:stream'
import { fail } from '../../core/errors.ts'

export interface Artifact {
  /** The name of the artifact: the SHA-256 of its bytes, in 64 lower-case hexadecimal digits. */
  readonly digest: string
  readonly bytes: number
}

export interface StoredArtifact extends Artifact {
  /** The time of the last put. Putting the same content again renews this time. */
  readonly putAt: Date
}

/** An artifact that a collection found to be unneeded. It stays where it is until a later collection removes it. */
export interface TrashedArtifact {
  readonly digest: string
  readonly trashedAt: Date
}

export interface OpenArtifact extends Artifact {
  /** The content. Read it to its end or destroy it, because it holds an open file. */
  readonly content: Readable
}

/** The bytes of an artifact in chunks, for example a stream. */
export type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/**
 * The storage of adapters and data sets, addressed by their content, so that nothing is ever changed in place.
 * Every function throws GraftError `artifacts_unavailable` if the storage cannot be used.
 */
export interface ArtifactStorage {
  /**
   * Stores the content, whole or not at all. It is durable when the promise resolves. Putting the same content twice,
   * even at the same time, makes one artifact, and replaces a damaged one.
   */
  put(content: Content): Promise<Artifact>

  /**
   * Opens an artifact after checking all of its bytes.
   * @throws GraftError `artifact_missing`; `artifact_corrupt` with both digests
   */
  get(digest: string): Promise<OpenArtifact>

  /** Lists all artifacts, in no particular order. */
  list(): AsyncIterable<StoredArtifact>

  /**
   * Removes an artifact, or with `putBefore` only if its last put was before that time.
   * @returns whether it existed and was removed
   */
  remove(digest: string, when?: { putBefore: Date }): Promise<boolean>

  /** Lists the artifacts in the trash, in no particular order. Some of them may be gone already. */
  listTrash(): AsyncIterable<TrashedArtifact>

  /**
   * Puts an artifact into the trash. Only a collection heeds the trash: the artifact can be read and put as before,
   * because a reference to it may have been overlooked.
   */
  trash(digest: string): Promise<void>

  /** Takes an artifact out of the trash. Does nothing if it is not in the trash. */
  restore(digest: string): Promise<void>
}

/** Returns the key of an artifact in a folder or a bucket. There are 256 folders, which keeps each of them small. */
export const keyOf = (digest: string): string => `${digest.slice(0, 2)}/${digest.slice(2)}`

/**
 * The folder of the trash: an empty file or object for each artifact, which has the artifact's digest as its name and
 * the time of the collection as its date. A copy in its place would cost a bucket, which cannot rename, a transfer of
 * all bytes, and the artifact would be missing while it is in the trash.
 */
export const TRASH = 'trash'

/** Returns the digest of a key, or undefined if it is not the key of an artifact. */
export const digestFromKey = (key: string): string | undefined =>
  /^[0-9a-f]{2}\/[0-9a-f]{62}$/.test(key) ? key.replace('/', '') : undefined

/** Returns whether a text is a digest and is safe to look up, unlike a path with `..`. */
export const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

/** @throws GraftError `artifact_missing` */
export function throwMissing(digest: string): never {
  if (!isDigest(digest))
    fail('artifact_missing', {
      subject: `artifact ${JSON.stringify(digest.slice(0, 100))}`,
      expected: '64 hexadecimal digits',
      found: `${digest.length} characters`,
      fix: 'Check the digest.',
    })
  fail('artifact_missing', {
    subject: `artifact ${digest}`,
    problem: 'is not in the artifact storage',
    fix: 'Check the digest, and that all processes use the same artifact storage.',
  })
}

/** @throws GraftError `artifact_corrupt` if the bytes that were read are not those that were put */
export function requireDigest(digest: string, read: Artifact): void {
  if (read.digest === digest) return
  fail('artifact_corrupt', {
    subject: `artifact ${digest}`,
    expected: `content of SHA-256 ${digest}`,
    found: `${read.bytes} bytes of SHA-256 ${read.digest}`,
    fix: 'Put the same content again, which replaces the damaged artifact, or restore it from a backup.',
  })
}
