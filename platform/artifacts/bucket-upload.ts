import type { FileHandle } from 'node:fs/promises'
import type * as Sdk from '@aws-sdk/client-s3'
import type { Artifact } from './artifacts.ts'

/**
 * The size of the parts of a large upload. Only one part is in memory at a time. S3 requires at least 5 MiB for all
 * parts but the last.
 */
const PART_BYTES = 16 * 1024 * 1024
const MAX_PARTS = 10_000

/**
 * Uploads the content of a file. The object becomes visible only when it is complete. Bodies are buffers, because the
 * SDK can send those again after a failure.
 */
export async function upload(
  sdk: typeof Sdk,
  client: Sdk.S3Client,
  target: { Bucket: string; Key: string },
  file: FileHandle,
  { digest, bytes }: Artifact,
): Promise<void> {
  if (bytes <= PART_BYTES) {
    const Body = await readPart(file, 0, bytes)
    // Storage that supports this header refuses bytes that were altered on the way.
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
    const size = Math.max(PART_BYTES, Math.ceil(bytes / MAX_PARTS))
    for (let at = 0; at < bytes; at += size) {
      const PartNumber = Parts.length + 1
      const Body = await readPart(file, at, Math.min(size, bytes - at))
      const sent = await client.send(new sdk.UploadPartCommand({ ...target, UploadId, PartNumber, Body }))
      Parts.push({ ...checksumsOf(sent), ETag: sent.ETag, PartNumber })
    }
    await client.send(new sdk.CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }))
  } catch (error) {
    // If this also fails, a later sweep aborts the upload.
    await client.send(new sdk.AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => {})
    throw error
  }
}

/** Aborts the uploads under a prefix that started before a given time, because their parts take up space. */
export async function abortStaleUploads(
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
    if (bytesRead === 0) throw new Error('the file became shorter during the upload')
    at += bytesRead
  }
  return part
}
