import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { syncFolder } from '../core/durable.ts'
import { fail } from '../core/errors.ts'

/** A file's bytes, in pieces so that large ones need not be put together in memory. */
export type FileContent = string | Iterable<Uint8Array>

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
 * Writes a folder whole or not at all: into a folder beside it, every file and both folders flushed to the disk, then renamed.
 * @throws GraftError `output_exists` where there is something already, `disk_full` where there is no room; nothing is left behind
 */
export async function writeFolder(dir: string, files: Readonly<Record<string, FileContent>>): Promise<void> {
  await requireFreeFolder(dir)
  const target = resolve(dir)
  const parent = dirname(target)
  const partial = join(parent, `.${basename(target)}.${randomUUID()}.partial`)
  try {
    await mkdir(partial, { recursive: true })
    for (const [name, content] of Object.entries(files)) await writeFile(join(partial, name), content)
    syncFolder(partial)
    await rename(partial, target)
    syncFolder(parent)
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    return explain(dir, error)
  }
}

async function writeFile(path: string, content: FileContent): Promise<void> {
  const handle = await open(path, 'wx')
  try {
    for (const piece of typeof content === 'string' ? [Buffer.from(content)] : content)
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
        mend: 'Free some space and run it again; nothing half-written was left.',
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
    mend: 'Name another folder, or remove this one.',
  })
}
