import type { Readable } from 'node:stream'
import { fail } from '../../core/errors.ts'

/** What names an artifact: the SHA-256 of its bytes, in 64 lower-case hexadecimal digits. */
export interface Artifact {
  readonly digest: string
  readonly bytes: number
}

export interface KeptArtifact extends Artifact {
  /** When it was put last; putting the same content again counts. */
  readonly putAt: Date
}

export interface OpenArtifact extends Artifact {
  /** To be read to its end or destroyed: it holds an open file. */
  readonly content: Readable
}

/** The bytes to keep, in pieces; a stream is one. */
export type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/**
 * Where adapters and data sets are kept: by their content, so that nothing is ever changed in place.
 * Every function throws GraftError `artifacts_unavailable` where the place cannot be used.
 */
export interface Artifacts {
  /**
   * Keeps the content, whole or not at all; it is on the disk, or in the bucket, when this answers. The same content twice, at the same
   * time even, is one artifact, and takes the place of a damaged one.
   */
  put(content: Content): Promise<Artifact>

  /**
   * Opens an artifact after all of its bytes were checked.
   * @throws GraftError `artifact_missing`, `artifact_corrupt` with both digests
   */
  get(digest: string): Promise<OpenArtifact>

  /** All that is kept, in no order that may be relied on. */
  list(): AsyncIterable<KeptArtifact>

  /**
   * Removes an artifact; with `putBefore`, only if it was put last before that moment.
   * @returns whether it was there and is gone
   */
  remove(digest: string, when?: { putBefore: Date }): Promise<boolean>
}

/** Where an artifact lies in a folder or a bucket: 256 folders keep each of them small. */
export const keyOf = (digest: string): string => `${digest.slice(0, 2)}/${digest.slice(2)}`

/** The digest of a key; undefined for the key of anything else. */
export const digestOf = (key: string): string | undefined =>
  /^[0-9a-f]{2}\/[0-9a-f]{62}$/.test(key) ? key.replace('/', '') : undefined

/** Whether this may be looked up; a path with `..` in place of a digest, say, may not. */
export const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

export function missing(digest: string): never {
  fail('artifact_missing', {
    subject: `artifact ${isDigest(digest) ? digest : JSON.stringify(digest.slice(0, 100))}`,
    expected: isDigest(digest) ? 'one that is kept' : '64 hexadecimal digits',
    found: isDigest(digest) ? 'none' : `${digest.length} characters`,
    fix: 'Check the digest, and that all processes use the same artifacts.',
  })
}

/** @throws GraftError `artifact_corrupt` where the bytes that were read are not those that were put */
export function requireSame(digest: string, read: Artifact): void {
  if (read.digest === digest) return
  fail('artifact_corrupt', {
    subject: `artifact ${digest}`,
    expected: `content of SHA-256 ${digest}`,
    found: `${read.bytes} bytes of SHA-256 ${read.digest}`,
    fix: 'Put the same content again, which replaces what is damaged, or restore it from a backup.',
  })
}
