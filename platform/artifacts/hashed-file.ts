import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Artifact, Content } from './artifacts.ts'

const PIECE = 256 * 1024
/** The kernel takes less than 2 GiB at a time. */
const LARGEST_WRITE = 2 ** 30

/** Writes the content to the beginning of a file, and tells what it was. */
export async function writeHashed(file: FileHandle, content: Content): Promise<Artifact> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const piece of content) {
    hash.update(piece)
    for (let at = 0; at < piece.length; ) {
      const { bytesWritten } = await file.write(piece, at, Math.min(piece.length - at, LARGEST_WRITE), bytes)
      at += bytesWritten
      bytes += bytesWritten
    }
  }
  return { digest: hash.digest('hex'), bytes }
}

/** Tells what a file holds from its beginning. */
export async function readHashed(file: FileHandle): Promise<Artifact> {
  const hash = createHash('sha256')
  const piece = Buffer.allocUnsafe(PIECE)
  let bytes = 0
  for (;;) {
    const { bytesRead } = await file.read(piece, 0, PIECE, bytes)
    if (bytesRead === 0) return { digest: hash.digest('hex'), bytes }
    hash.update(piece.subarray(0, bytesRead))
    bytes += bytesRead
  }
}

/** A file without a name: it goes with its handle, however the process ends. */
export async function namelessFile(folder = tmpdir()): Promise<FileHandle> {
  const path = join(folder, `graft-${randomUUID()}`)
  const file = await open(path, 'wx+', 0o600)
  await rm(path)
  return file
}

/** Does work with a file, and closes the file if that fails. */
export async function closedOnFailure<T>(file: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await file.close()
    throw error
  }
}
