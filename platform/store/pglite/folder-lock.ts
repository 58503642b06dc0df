import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../../../core/errors.ts'
import { lockFile } from '../../../core/file-lock.ts'

/**
 * Makes this process the only owner of a home folder until it exits or unlocks the folder.
 * @returns a function that unlocks the folder
 * @throws GraftError `store_locked` if another process, or this one, already has it
 */
export function lockFolder(home: string): () => void {
  mkdirSync(home, { recursive: true })
  const owner = join(home, 'database.owner')
  const unlock = lockFile(join(home, 'database.lock')) ?? throwLocked(home, readOwner(owner))
  writeFileSync(owner, String(process.pid))
  return unlock
}

function readOwner(file: string): string {
  try {
    return `process ${readFileSync(file, 'utf8')}`
  } catch {
    return 'another process'
  }
}

function throwLocked(home: string, owner: string): never {
  return fail('store_locked', {
    subject: `the database in ${home}`,
    problem: `is already open in ${owner}`,
    fix: 'Send requests to that server, stop it, choose another folder with GRAFT_HOME, or share a PostgreSQL database with DATABASE_URL.',
  })
}
