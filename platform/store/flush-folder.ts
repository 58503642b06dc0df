import { open, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * Puts on the disk what changed below a folder: the embedded database writes files and never asks for that.
 * @param since milliseconds since 1970; files that were last written before are passed over
 */
export async function flushFolder(folder: string, since: number): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const folders = new Set([folder, dirname(folder)])
  await eachOf(files, async ({ parentPath, name }) => {
    const path = join(parentPath, name)
    if (!(await changed(path, since))) return
    await flush(path)
    folders.add(parentPath)
  })
  await eachOf([...folders], flush)
}

/** Disks do several at a time faster than one after the other. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values()
  const takeTurns = async () => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: 16 }, takeTurns))
}

/** The database removes files of its own at any time. */
async function changed(path: string, since: number): Promise<boolean> {
  return ((await stat(path).catch(() => undefined))?.mtimeMs ?? 0) >= since
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r').catch(() => undefined)
  try {
    await file?.sync()
  } finally {
    await file?.close()
  }
}
