import type { FileHandle } from 'node:fs/promises'
import type * as Sdk from '@aws-sdk/client-s3'
import type { Artifact } from './artifacts.ts'

/** What is larger goes in parts of this size, so that no more of it is in memory. S3 takes none below 5 MiB but the last. */
const PART = 16 * 1024 * 1024
const MOST_PARTS = 10_000

/**
 * Uploads what a file holds. An object shows only when it is whole. Bodies are buffers, which the SDK can send again after a failure.
 */
export async function upload(
  sdk: typeof Sdk,
  client: Sdk.S3Client,
  target: { Bucket: string; Key: string },
  file: FileHandle,
  { digest, bytes }: Artifact,
): Promise<void> {
  if (bytes <= PART) {
    const Body = await readPart(file, 0, bytes)
    // The artifact's own digest goes along: a store that knows the header refuses bytes that were altered on the way.
    const checksum = {
      ChecksumAlgorithm: 'SHA256',
      ChecksumSHA256: Buffer.from(digest, 'hex').toString('base64'),
    } as const
    await client.send(new sdk.PutObjectCommand({ ...target, ...checksum, Body, ContentLength: bytes }))
    return
  }
  const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(target))
  try {
    const Parts: Sdk.CompletedPart[] = []
    const size = Math.max(PART, Math.ceil(bytes / MOST_PARTS))
    for (let at = 0; at < bytes; at += size) {
      const PartNumber = Parts.length + 1
      const Body = await readPart(file, at, Math.min(size, bytes - at))
      const sent = await client.send(new sdk.UploadPartCommand({ ...target, UploadId, PartNumber, Body }))
      Parts.push({ ...checksumsOf(sent), ETag: sent.ETag, PartNumber })
    }
    await client.send(new sdk.CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }))
  } catch (error) {
    // Where this fails, too, the upload is found again as left over.
    await client.send(new sdk.AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => {})
    throw error
  }
}

/** Gives up uploads below a prefix that began before a moment: parts that cost room and that nobody will put together. */
export async function abortStale(
  sdk: typeof Sdk,
  client: Sdk.S3Client,
  within: { Bucket: string; Prefix: string },
  before: Date,
): Promise<void> {
  for (let from: { KeyMarker?: string; UploadIdMarker?: string } = {}; ; ) {
    const page = await client.send(new sdk.ListMultipartUploadsCommand({ ...within, ...from }))
    for (const { Key, UploadId, Initiated } of page.Uploads ?? [])
      if (Initiated && Initiated < before)
        await client.send(new sdk.AbortMultipartUploadCommand({ Bucket: within.Bucket, Key, UploadId }))
    if (!page.IsTruncated) return
    from = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
  }
}

const checksumsOf = ({ ChecksumCRC32, ChecksumSHA256 }: Sdk.UploadPartCommandOutput): Sdk.CompletedPart => ({
  ChecksumCRC32,
  ChecksumSHA256,
})

async function readPart(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const part = Buffer.allocUnsafe(length)
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(part, at, length - at, from + at)
    if (bytesRead === 0) throw new Error('the file to upload became shorter')
    at += bytesRead
  }
  return part
}
