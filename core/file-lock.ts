import { DatabaseSync } from 'node:sqlite'

/** SQLite's error code for a lock that another connection holds. */
const SQLITE_BUSY = 5

/**
 * Locks a file, and creates it if it does not exist. The operating system holds the lock on the open file, so the lock
 * ends with the process, even if the process is killed. The lock is taken with SQLite, which can lock files on every
 * system.
 * @returns a function that releases the lock, or undefined if this or another process already holds it
 */
export function lockFile(path: string): (() => void) | undefined {
  const lock = new DatabaseSync(path, { timeout: 0 })
  try {
    // Otherwise SQLite would write a journal beside the file, and nothing could be locked while the disk is full.
    lock.exec('pragma journal_mode = memory')
    lock.exec('begin exclusive')
    return () => lock.close()
  } catch (error) {
    lock.close()
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error
    return undefined
  }
}
