import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { syncFolder } from '../../../core/durable.ts'
import { flushFolder } from './flush-folder.ts'
import type { Launcher } from './launcher.ts'
import type { ServerPaths } from './paths.ts'
import { giveTo, makePrivate } from './private-folder.ts'
import { StartFailed } from './start-failed.ts'

/** The name of the database and of its only user. */
export const DATABASE = 'postgres'
export const USER = 'graft'

const TIMEOUT_MS = 120_000

/** The beginning of the names of databases that are not complete. */
const PARTIAL = 'partial-'

/**
 * Creates the database under a temporary name and renames it when all of it is on the disk, so that a process that is
 * killed, or a power loss, leaves no broken database. Call it with the lock of processes that open the database.
 */
export async function createData({ root, data }: ServerPaths, { command, options }: Launcher): Promise<void> {
  makePrivate(root)
  giveTo(root, options)
  const leftovers = readdirSync(root).filter((name) => name.startsWith(PARTIAL))
  // An initdb that outlived its process may still write under its own name.
  const partial = join(root, `${PARTIAL}${randomUUID()}`)
  // The order of text does not depend on libraries of the machine. initdb would flush one file after the other.
  const [file, ...args] = command(
    'initdb',
    ...['-D', partial, '-U', USER, '--auth=trust', '--encoding=UTF8', '--locale=C', '--wal-segsize=4'],
    ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-sync', '--no-instructions'],
  )
  try {
    await promisify(execFile)(file, args, { ...options, cwd: root, timeout: TIMEOUT_MS })
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    throw new StartFailed(stderr?.trim().replaceAll('\n', ' ') || message)
  }
  for (const name of leftovers) await removeLeftover(join(root, name))
  await flushFolder(partial, 0)
  renameSync(partial, data)
  for (const folder of [root, dirname(root)]) syncFolder(folder)
}

/** Removes a database that is not complete. It can grow meanwhile, and does no harm if it stays. */
const removeLeftover = (path: string): Promise<void> =>
  rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }).catch((error) => {
    if (error.code !== 'ENOTEMPTY') throw error
  })

/** Returns the major version that the database was created with. */
export const versionOf = ({ data }: ServerPaths): string => readFileSync(join(data, 'PG_VERSION'), 'utf8').trim()

export const hasData = ({ data }: ServerPaths): boolean => existsSync(data)
