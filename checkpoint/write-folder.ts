import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { syncFolder } from '../core/durable.ts'
import { fail } from '../core/errors.ts'

/** The bytes of a file, in pieces so that a large file need not be assembled in memory. */
export type FileContent = string | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * Rejects a folder that is not empty. Call it before the work whose result goes into the folder.
 * @throws GraftError `output_exists`
 */
export async function requireFreeFolder(dir: string): Promise<void> {
  const entries = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    if (error.code === 'ENOTDIR') return throwOccupied(dir, 'a file')
    throw error
  })
  if (entries.length > 0) throwOccupied(dir, `a folder with ${entries.slice(0, 3).join(', ')}`)
}

/**
 * Creates a folder completely or not at all: fills a temporary folder next to it, flushes the temporary folder to the
 * disk and renames it.
 * @param fill writes and flushes the files to the folder that it receives
 * @throws GraftError `output_exists`, or `disk_full`. Nothing is left behind
 */
export async function fillFolder<T>(dir: string, fill: (partial: string) => Promise<T>): Promise<T> {
  await requireFreeFolder(dir)
  const target = resolve(dir)
  const parent = dirname(target)
  const partial = join(parent, `.${basename(target)}.${randomUUID()}.partial`)
  try {
    await mkdir(partial, { recursive: true })
    const result = await fill(partial)
    syncFolder(partial)
    await rename(partial, target)
    syncFolder(parent)
    return result
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    return throwWriteError(dir, error)
  }
}

/**
 * Writes a folder of files as {@link fillFolder} does.
 * @throws GraftError `output_exists`, `disk_full`
 */
export async function writeFolder(dir: string, files: Readonly<Record<string, FileContent>>): Promise<void> {
  await fillFolder(dir, async (partial) => {
    for (const [name, content] of Object.entries(files)) await writeNewFile(join(partial, name), content)
  })
}

/** Writes a file that must not exist yet, not even as a link, and waits until it is on the disk. */
export async function writeNewFile(path: string, content: FileContent): Promise<void> {
  const handle = await open(path, 'wx')
  try {
    for await (const piece of typeof content === 'string' ? [Buffer.from(content)] : content)
      for (let at = 0; at < piece.length; )
        at += (await handle.write(piece, at, Math.min(piece.length - at, 2 ** 30))).bytesWritten
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function throwWriteError(dir: string, error: unknown): never {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR')
    throwOccupied(dir, 'a file or folder that appeared in the meantime')
  if (code === 'ENOSPC' || code === 'EDQUOT')
    fail(
      'disk_full',
      {
        subject: dir,
        problem: 'could not be written because the disk is full',
        fix: 'Free some space and run the same command again. No partial files were left behind.',
      },
      error,
    )
  throw error
}

function throwOccupied(dir: string, found: string): never {
  fail('output_exists', {
    subject: dir,
    expected: 'no folder, or an empty one',
    found,
    fix: 'Choose another folder, or remove this one.',
  })
}
