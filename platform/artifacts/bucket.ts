import type { FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import type { Readable } from 'node:stream'
import { COPY_RESERVE_BYTES, leaveReserve } from '../../core/disk-space.ts'
import { DAY_MS, HOUR_MS } from '../../core/durations.ts'
import { GraftError } from '../../core/errors.ts'
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
  TRASH,
  type TrashedArtifact,
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
  { spool = tmpdir(), staleAfterMs = DAY_MS }: BucketOptions = {},
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
  const disk = { folder: spool, name: 'the temporary folder' }
  const trashPrefix = `${prefix}${TRASH}/`
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
      const artifact = await writeAndHash(file, leaveReserve(content, disk))
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
        return await writeAndHash(file, leaveReserve(Body as Readable, { ...disk, reserve: COPY_RESERVE_BYTES }))
      } catch (error) {
        if (left === 0 || error instanceof GraftError) throwBucketError(error)
      }
    }
  }

  /** Lists the objects under a prefix. Yields their keys without it. */
  async function* listObjects(Prefix: string): AsyncGenerator<{ key: string; bytes: number; modifiedAt: Date }> {
    for (let ContinuationToken: string | undefined; ; ) {
      const page = await client
        .send(new sdk.ListObjectsV2Command({ Bucket, Prefix, ContinuationToken }))
        .catch(throwBucketError)
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? [])
        if (LastModified) yield { key: Key.slice(Prefix.length), bytes: Size, modifiedAt: LastModified }
      ContinuationToken = page.NextContinuationToken
      if (!ContinuationToken) return
    }
  }

  async function* list(): AsyncGenerator<StoredArtifact> {
    for await (const { key, bytes, modifiedAt } of listObjects(prefix)) {
      const digest = digestFromKey(key)
      if (digest) yield { digest, bytes, putAt: modifiedAt }
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

  async function* listTrash(): AsyncGenerator<TrashedArtifact> {
    for await (const { key, modifiedAt } of listObjects(trashPrefix))
      if (isDigest(key)) yield { digest: key, trashedAt: modifiedAt }
  }

  async function trash(digest: string): Promise<void> {
    if (!isDigest(digest)) return
    const empty = { Bucket, Key: trashPrefix + digest, Body: Buffer.alloc(0), ContentLength: 0 }
    await client.send(new sdk.PutObjectCommand(empty)).catch(throwBucketError)
  }

  async function restore(digest: string): Promise<void> {
    if (!isDigest(digest)) return
    await client.send(new sdk.DeleteObjectCommand({ Bucket, Key: trashPrefix + digest })).catch(throwBucketError)
  }

  return { put, get, list, remove, listTrash, trash, restore }
}
