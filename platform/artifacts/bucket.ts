import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import {
  type Artifact,
  type Artifacts,
  type Content,
  digestOf,
  isDigest,
  type KeptArtifact,
  keyOf,
  missing,
  type OpenArtifact,
  requireSame,
} from './artifacts.ts'
import { isAbsent, unavailable } from './bucket-errors.ts'
import { type BucketLocation, nameOf } from './bucket-location.ts'
import { abortStale, upload } from './bucket-upload.ts'
import { closedOnFailure, namelessFile, writeHashed } from './hashed-file.ts'
import { atMostEvery, DAY, HOUR } from './now-and-then.ts'

export interface BucketOptions {
  /** Where files without a name lie while they are checked; the system's folder for temporary files unless told otherwise. */
  spool?: string
  /** After how many milliseconds an upload in parts that was not finished counts as left over. */
  staleAfter?: number
}

/** How often an object is read again when the connection breaks in the middle of it. */
const READS = 3

/** Keeps artifacts in a bucket of Amazon's S3, or of a store that speaks its protocol. */
export async function bucketArtifacts(
  location: BucketLocation,
  { spool, staleAfter = DAY }: BucketOptions = {},
): Promise<Artifacts> {
  // Not on the way to the first prediction: the SDK takes a while to read.
  const sdk = await import('@aws-sdk/client-s3')
  const client = new sdk.S3Client({
    endpoint: location.endpoint,
    region: location.region,
    forcePathStyle: location.pathStyle,
    maxAttempts: 4,
    // The digest of the whole is checked here, and a damaged object is to be told as that.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 },
  })
  const { bucket: Bucket, prefix } = location
  const target = (digest: string) => ({ Bucket, Key: prefix + keyOf(digest) })
  const failed = (error: unknown) => unavailable(nameOf(location), error)
  const sweep = atMostEvery(HOUR, () =>
    // Some stores have no such list, and some keys are not allowed to read it: what is put does not depend on it.
    abortStale(sdk, client, { Bucket, Prefix: prefix }, new Date(Date.now() - staleAfter)).catch(() => {}),
  )

  async function put(content: Content): Promise<Artifact> {
    // The key is the digest, so all of the content has to have been seen before the upload begins.
    const file = await namelessFile(spool)
    try {
      const artifact = await writeHashed(file, content)
      await upload(sdk, client, target(artifact.digest), file, artifact).catch(failed)
      await sweep()
      return artifact
    } finally {
      await file.close()
    }
  }

  async function get(digest: string): Promise<OpenArtifact> {
    if (!isDigest(digest)) missing(digest)
    const file = await namelessFile(spool)
    return closedOnFailure(file, async () => {
      const read = await download(digest, file)
      requireSame(digest, read)
      return { ...read, content: file.createReadStream({ start: 0 }) }
    })
  }

  async function download(digest: string, file: FileHandle): Promise<Artifact> {
    for (let left = READS - 1; ; left--) {
      const { Body } = await client
        .send(new sdk.GetObjectCommand(target(digest)))
        .catch((error) => (isAbsent(error) ? missing(digest) : failed(error)))
      try {
        await file.truncate(0)
        return await writeHashed(file, Body as Readable)
      } catch (error) {
        if (left === 0) failed(error)
      }
    }
  }

  async function* list(): AsyncGenerator<KeptArtifact> {
    for (let ContinuationToken: string | undefined; ; ) {
      const page = await client
        .send(new sdk.ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken }))
        .catch(failed)
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
        const digest = digestOf(Key.slice(prefix.length))
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
      .catch((error) => (isAbsent(error) ? undefined : failed(error)))
    if (!found || (when && !(found.LastModified && found.LastModified < when.putBefore))) return false
    await client.send(new sdk.DeleteObjectCommand(target(digest))).catch(failed)
    return true
  }

  return { put, get, list, remove }
}
