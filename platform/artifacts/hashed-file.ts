import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Artifact, Content } from './artifacts.ts'

const CHUNK_BYTES = 256 * 1024
/** The kernel writes less than 2 GiB at a time. */
const MAX_WRITE_BYTES = 2 ** 30

/** Writes content from the beginning of a file, and returns its digest and size. */
export async function writeAndHash(file: FileHandle, content: Content): Promise<Artifact> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of content) {
    hash.update(chunk)
    for (let at = 0; at < chunk.length; ) {
      const { bytesWritten } = await file.write(chunk, at, Math.min(chunk.length - at, MAX_WRITE_BYTES), bytes)
      at += bytesWritten
      bytes += bytesWritten
    }
  }
  return { digest: hash.digest('hex'), bytes }
}

/** Returns the digest and size of content, which is not stored. */
export async function hashContent(content: Content): Promise<Artifact> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of content) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { digest: hash.digest('hex'), bytes }
}

/** Returns the digest and size of a file's content. */
export async function hashFile(file: FileHandle): Promise<Artifact> {
  const hash = createHash('sha256')
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let bytes = 0
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, bytes)
    if (bytesRead === 0) return { digest: hash.digest('hex'), bytes }
    hash.update(chunk.subarray(0, bytesRead))
    bytes += bytesRead
  }
}

/** Opens a temporary file without a name. It disappears with its handle, however the process ends. */
export async function openUnlinkedFile(folder: string): Promise<FileHandle> {
  const path = join(folder, `graft-${randomUUID()}`)
  const file = await open(path, 'wx+', 0o600)
  await rm(path)
  return file
}

/** Closes a file if the work with it fails. */
export async function closeOnFailure<T>(file: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await file.close()
    throw error
  }
}
