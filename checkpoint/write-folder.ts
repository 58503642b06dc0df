import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { syncFolder } from '../core/durable.ts'
import { fail } from '../core/errors.ts'

/** A file's bytes, in pieces so that large ones need not be put together in memory. */
export type FileContent = string | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * Refuses a folder that holds something already, before the work whose result it shall hold.
 * @throws GraftError `output_exists`
 */
export async function requireFreeFolder(dir: string): Promise<void> {
  const entries = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    if (error.code === 'ENOTDIR') return occupied(dir, 'a file')
    throw error
  })
  if (entries.length > 0) occupied(dir, `a folder with ${entries.slice(0, 3).join(', ')}`)
}

/**
 * Makes a folder whole or not at all: in a folder beside it, which is flushed to the disk and then renamed.
 * @param fill writes and flushes what belongs into the folder that it is given
 * @throws GraftError `output_exists` where there is something already, `disk_full` where there is no room; nothing is left behind
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
    return explain(dir, error)
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

/** Writes a file where there is nothing, no link either, and waits until it is on the disk. */
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

function explain(dir: string, error: unknown): never {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR')
    occupied(dir, 'something that was put there meanwhile')
  if (code === 'ENOSPC' || code === 'EDQUOT')
    fail(
      'disk_full',
      {
        subject: dir,
        expected: 'room for the files',
        found: 'a full disk',
        fix: 'Free some space and run it again; nothing half-written was left.',
      },
      error,
    )
  throw error
}

function occupied(dir: string, found: string): never {
  fail('output_exists', {
    subject: dir,
    expected: 'no folder, or an empty one',
    found,
    fix: 'Name another folder, or remove this one.',
  })
}
