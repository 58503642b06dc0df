import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fail } from '../../core/errors.ts'

/** SQLite's code for a lock that another holds. */
const SQLITE_BUSY = 5

/**
 * Makes this process the one owner of a home folder until it calls what is returned, or ends in any way: the lock is the operating
 * system's on an open file (a transaction of SQLite, which knows how to lock on every system), so a killed owner leaves none.
 * @throws GraftError `store_locked` where another process, or this one, has it
 */
export function lockFolder(home: string): () => void {
  mkdirSync(home, { recursive: true })
  const lock = new DatabaseSync(join(home, 'database.lock'), { timeout: 0 })
  const owner = join(home, 'database.owner')
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error
    locked(home, readOwner(owner))
  }
  writeFileSync(owner, String(process.pid))
  return () => lock.close()
}

function readOwner(file: string): string {
  try {
    return `process ${readFileSync(file, 'utf8')}`
  } catch {
    return 'a process'
  }
}

function locked(home: string, owner: string): never {
  return fail('store_locked', {
    subject: home,
    expected: 'a database that no other process has open',
    found: `that ${owner} has it`,
    mend: 'Ask that server over HTTP, stop it, choose another folder with GRAFT_HOME, or share a PostgreSQL database by DATABASE_URL.',
  })
}
