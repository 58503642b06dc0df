import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../../core/errors.ts'
import { lockFile } from '../../core/file-lock.ts'

/**
 * Makes this process the one owner of a home folder until it calls what is returned, or ends in any way.
 * @throws GraftError `store_locked` where another process, or this one, has it
 */
export function lockFolder(home: string): () => void {
  mkdirSync(home, { recursive: true })
  const owner = join(home, 'database.owner')
  const unlock = lockFile(join(home, 'database.lock')) ?? locked(home, readOwner(owner))
  writeFileSync(owner, String(process.pid))
  return unlock
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
    fix: 'Ask that server over HTTP, stop it, choose another folder with GRAFT_HOME, or share a PostgreSQL database by DATABASE_URL.',
  })
}
