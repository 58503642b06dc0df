import { DatabaseSync } from 'node:sqlite'

/** SQLite's code for a lock that another holds. */
const SQLITE_BUSY = 5

/**
 * Locks a file, which is made where there is none, until what is returned is called or the process ends in any way: the lock is the
 * operating system's on an open file (a transaction of SQLite, which knows how to lock on every system), so a killed owner leaves none.
 * @returns undefined where another process, or this one, has it
 */
export function lockFile(path: string): (() => void) | undefined {
  const lock = new DatabaseSync(path, { timeout: 0 })
  try {
    lock.exec('begin exclusive')
    return () => lock.close()
  } catch (error) {
    lock.close()
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error
    return undefined
  }
}
