import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { DAY_MS, HOUR_MS } from '../../core/durations.ts'
import {
  type Artifact,
  type ArtifactStorage,
  type Content,
  digestFromKey,
  isDigest,
  keyOf,
  type OpenArtifact,
  requireDigest,
  type StoredArtifact,
  throwMissing,
} from './artifacts.ts'
import { isNotFound, throwUnavailable } from './bucket-errors.ts'
import { type BucketLocation, formatLocation } from './bucket-location.ts'
import { abortStaleUploads, upload } from './bucket-upload.ts'
import { closeOnFailure, openUnlinkedFile, writeAndHash } from './hashed-file.ts'
import { throttle } from './throttle.ts'

export interface BucketOptions {
  /** The folder for temporary files. Defaults to the temporary folder of the system. */
  spool?: string
  /** The milliseconds after which an unfinished upload is aborted. Defaults to a day. */
  staleAfterMs?: number
}

/** The maximum number of attempts to read an object if the connection breaks. */
const MAX_READS = 3

/** Opens the artifact storage in a bucket of Amazon S3, or of other storage with the same protocol. */
export async function openBucketStorage(
  location: BucketLocation,
  { spool, staleAfterMs = DAY_MS }: BucketOptions = {},
): Promise<ArtifactStorage> {
  // Loaded on demand: the SDK takes a while to load, and the first prediction does not need it.
  const sdk = await import('@aws-sdk/client-s3')
  const client = new sdk.S3Client({
    endpoint: location.endpoint,
    region: location.region,
    forcePathStyle: location.pathStyle,
    maxAttempts: 4,
    // The digest of the whole object is checked below, with a clearer error for a damaged object.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 },
  })
  const { bucket: Bucket, prefix } = location
  const target = (digest: string) => ({ Bucket, Key: prefix + keyOf(digest) })
  const throwBucketError = (error: unknown) => throwUnavailable(formatLocation(location), error)
  const sweep = throttle(HOUR_MS, () =>
    // Some storage has no such list, and some keys may not read it. A put must not fail because of that.
    abortStaleUploads(sdk, client, { Bucket, Prefix: prefix }, new Date(Date.now() - staleAfterMs)).catch(() => {}),
  )

  async function put(content: Content): Promise<Artifact> {
    // The key is the digest, so all of the content must be read before the upload starts.
    const file = await openUnlinkedFile(spool)
    try {
      const artifact = await writeAndHash(file, content)
      await upload(sdk, client, target(artifact.digest), file, artifact).catch(throwBucketError)
      await sweep()
      return artifact
    } finally {
      await file.close()
    }
  }

  async function get(digest: string): Promise<OpenArtifact> {
    if (!isDigest(digest)) throwMissing(digest)
    const file = await openUnlinkedFile(spool)
    return closeOnFailure(file, async () => {
      const read = await download(digest, file)
      requireDigest(digest, read)
      return { ...read, content: file.createReadStream({ start: 0 }) }
    })
  }

  async function download(digest: string, file: FileHandle): Promise<Artifact> {
    for (let left = MAX_READS - 1; ; left--) {
      const { Body } = await client
        .send(new sdk.GetObjectCommand(target(digest)))
        .catch((error) => (isNotFound(error) ? throwMissing(digest) : throwBucketError(error)))
      try {
        await file.truncate(0)
        return await writeAndHash(file, Body as Readable)
      } catch (error) {
        if (left === 0) throwBucketError(error)
      }
    }
  }

  async function* list(): AsyncGenerator<StoredArtifact> {
    for (let ContinuationToken: string | undefined; ; ) {
      const page = await client
        .send(new sdk.ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken }))
        .catch(throwBucketError)
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
        const digest = digestFromKey(Key.slice(prefix.length))
        if (digest && LastModified) yield { digest, bytes: Size, putAt: LastModified }
      }
      ContinuationToken = page.NextContinuationToken
      if (!ContinuationToken) return
    }
  }

  async function remove(digest: string, when?: { putBefore: Date }): Promise<boolean> {
    if (!isDigest(digest)) return false
    const found = await client
      .send(new sdk.HeadObjectCommand(target(digest)))
      .catch((error) => (isNotFound(error) ? undefined : throwBucketError(error)))
    if (!found || (when && !(found.LastModified && found.LastModified < when.putBefore))) return false
    await client.send(new sdk.DeleteObjectCommand(target(digest))).catch(throwBucketError)
    return true
  }

  return { put, get, list, remove }
}
