import { existsSync } from 'node:fs'
import pg from 'pg'
import { fail } from '../../core/errors.ts'
import { createData, DATABASE, hasData, USER, versionOf } from './embedded/create-data.ts'
import { CannotRun, findLauncher, type Launcher, launcherFor, ownerOf } from './embedded/launcher.ts'
import { withLock } from './embedded/lock.ts'
import { pathsOf, type ServerPaths } from './embedded/paths.ts'
import { makePrivate } from './embedded/private-folder.ts'
import { makeSocketFolder } from './embedded/socket-folder.ts'
import { StartFailed } from './embedded/start-failed.ts'
import { supervisedClient } from './embedded/supervised-client.ts'
import { superviseServer } from './embedded/supervisor.ts'
import { pgliteFolder } from './pglite/pglite-folder.ts'
import { openPool, poolSettings, reasonOf } from './postgres.ts'
import type { Store } from './store.ts'

/**
 * Opens the database of a home: a PostgreSQL server for this machine, which starts with the first process that needs it
 * and stops with the last. If PostgreSQL cannot run here, it is PGlite, in this process. A database of PGlite moves to
 * PostgreSQL once it can run.
 * @throws GraftError `store_unavailable`, `store_newer`; with PGlite also `store_locked`
 */
export async function openEmbedded(home: string): Promise<Store> {
  makePrivate(home)
  const paths = pathsOf(home)
  // Processes that start at the same time decide one after the other.
  return withLock(paths.opening, ownerOf(home), async () => {
    if (hasData(paths) && !existsSync(pgliteFolder(home))) return openServer(home, paths, launcherOf(home, paths))
    const launcher = await findLauncher(home).catch((error) => {
      if (error instanceof CannotRun) return error.message
      throw error
    })
    if (typeof launcher === 'string') return openPgliteInstead(home, launcher)
    if (!hasData(paths)) await createData(paths, launcher).catch((error) => throwUnavailable(home, error))
    return openServer(home, paths, launcher)
  })
}

async function openPgliteInstead(home: string, why: string): Promise<Store> {
  process.stderr.write(`graft: the database runs in this process (PGlite), for one process at a time: ${why}.\n`)
  return (await import('./pglite/open-pglite.ts')).openPglite(home)
}

/** Returns a launcher for an existing database. */
function launcherOf(home: string, paths: ServerPaths): Launcher {
  try {
    const launcher = launcherFor(home)
    const found = versionOf(paths)
    if (found === launcher.version) return launcher
    return fail('store_unavailable', {
      subject: `the database in ${home}`,
      expected: `the format of PostgreSQL ${launcher.version}`,
      found: `that of PostgreSQL ${found}`,
      fix: `Use a version of Graft with PostgreSQL ${found}, or copy the database to a server with pg_dump and use DATABASE_URL.`,
    })
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error
    return fail(
      'store_unavailable',
      {
        subject: `the database in ${home}`,
        problem: `belongs to PostgreSQL, and ${error.message}`,
        fix: 'Run npm ci on a supported platform, choose another folder with GRAFT_HOME, or use DATABASE_URL.',
      },
      error,
    )
  }
}

async function openServer(home: string, paths: ServerPaths, launcher: Launcher): Promise<Store> {
  makePrivate(paths.root)
  const socket = makeSocketFolder(paths.run)
  const settings = { host: socket.folder, port: 5432, user: USER, database: DATABASE, password: '', ssl: false }
  const supervisor = superviseServer(paths, launcher, { ...settings, connectionTimeoutMillis: 5_000 })
  const close = async () => {
    await supervisor.leave()
    socket.remove()
  }
  try {
    await supervisor.ensure().catch((error) => throwUnavailable(home, error))
    const pool = new pg.Pool({ ...poolSettings, ...settings, Client: supervisedClient(supervisor) } as pg.PoolConfig)
    const url = `postgres://${USER}@localhost/${DATABASE}?host=${encodeURIComponent(paths.run)}`
    const store = await openPool(pool, { url, name: paths.data, unavailable: (error) => throwUnavailable(home, error) })
    if (existsSync(pgliteFolder(home))) await (await import('./embedded/carry-over.ts')).carryOver(home, pool)
    return {
      ...store,
      async close() {
        await store.close()
        await close()
      },
    }
  } catch (error) {
    await close().catch(() => {})
    throw error
  }
}

function throwUnavailable(home: string, error: unknown): never {
  const reason = error instanceof StartFailed ? error.message : reasonOf(error)
  return fail(
    'store_unavailable',
    {
      subject: `the database in ${home}`,
      problem: `could not be opened: ${reason.replace(/\.$/, '')}`,
      fix: 'Free some space if the disk is full. Otherwise use another folder with GRAFT_HOME, or DATABASE_URL.',
    },
    error,
  )
}
