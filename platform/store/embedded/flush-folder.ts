import { open, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Files that are flushed at the same time. Disks flush several faster than one after the other. */
const CONCURRENCY = 16

/**
 * Flushes the changed files of a folder to the disk. The embedded database writes files without flushing them.
 * @param since milliseconds since 1970; files that were last written before that are skipped
 */
export async function flushFolder(folder: string, since: number): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const folders = new Set([folder, dirname(folder)])
  await runConcurrently(files, async ({ parentPath, name }) => {
    const path = join(parentPath, name)
    if (!(await hasChanged(path, since))) return
    await flush(path)
    folders.add(parentPath)
  })
  await runConcurrently([...folders], flush)
}

async function runConcurrently<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  // All runners share one iterator.
  const remaining = items.values()
  const run = async () => {
    for (const item of remaining) await work(item)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, run))
}

async function hasChanged(path: string, since: number): Promise<boolean> {
  // The database may remove a file at any time.
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
