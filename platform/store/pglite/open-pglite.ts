import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { drizzle } from 'drizzle-orm/pglite'
import { migrate as runMigrations } from 'drizzle-orm/pglite/migrator'
import { flushFolder } from '../embedded/flush-folder.ts'
import { makePrivate } from '../embedded/private-folder.ts'
import { migrate } from '../migrate.ts'
import type { Store } from '../store.ts'
import { lockFolder } from './folder-lock.ts'
import { pgliteFolder } from './pglite-folder.ts'
import { stopOnPanic } from './stop-on-panic.ts'

/** The time between checkpoints while there are writes. A loss of power can lose this much. */
const CHECKPOINT_INTERVAL_MS = 10_000
/** The times of files are coarser than the clock. */
const FILE_TIME_TOLERANCE_MS = 2_000

/**
 * Opens the database of PGlite in `<home>/database`, creates it if it does not exist, and locks it for this process.
 * @throws GraftError `store_locked`, `store_newer`
 */
export async function openPglite(home: string): Promise<Store> {
  const unlock = lockFolder(home)
  const folder = pgliteFolder(home)
  try {
    if (!existsSync(folder)) await createDatabase(folder)
    makePrivate(folder)
    // A process that closes the database removes this file, after a flush.
    const isFlushed = !existsSync(join(folder, 'postmaster.pid'))
    const pglite = await startPglite(folder)
    stopOnPanic(pglite, home)
    const db = drizzle(pglite)
    try {
      await migrate(db, (config) => runMigrations(db, config), folder)
    } catch (error) {
      await pglite.close()
      throw error
    }
    const checkpoints = startCheckpoints(pglite, folder, isFlushed ? Date.now() : 0)
    return {
      db,
      client: { kind: 'pglite', pglite },
      transaction: (work) => db.transaction(work),
      flush: checkpoints.flush,
      async close() {
        try {
          await checkpoints.close()
        } finally {
          unlock()
        }
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}

/**
 * Creates the database under a temporary name and renames it when it is complete, so that a killed process leaves no
 * broken database.
 */
async function createDatabase(folder: string): Promise<void> {
  const partial = `${folder}.partial`
  rmSync(partial, { recursive: true, force: true })
  makePrivate(partial)
  await (await startPglite(partial)).close()
  await flushFolder(partial, 0)
  renameSync(partial, folder)
}

function startPglite(folder: string): Promise<PGlite> {
  // This process has the lock, so the previous owner is gone. An empty file of this name would keep PGlite from
  // starting.
  rmSync(join(folder, 'postmaster.pid'), { force: true })
  return PGlite.create(folder, { startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=8MB'] })
}

/**
 * Makes writes durable at an interval, by a checkpoint and a flush of the files that changed. PGlite itself never
 * flushes its files to the disk.
 * @param flushedAt the time, in milliseconds since 1970, at which all files were on the disk
 */
function startCheckpoints(pglite: PGlite, folder: string, flushedAt: number) {
  let checkpointed = ''
  let last = Promise.resolve()

  const currentLsn = async () =>
    (await pglite.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn')).rows[0].lsn
  const flushFiles = async () => {
    const startedAt = Date.now()
    await flushFolder(folder, flushedAt - FILE_TIME_TOLERANCE_MS)
    flushedAt = startedAt
  }
  const checkpoint = async () => {
    if ((await currentLsn()) === checkpointed) return
    await pglite.exec('checkpoint')
    checkpointed = await currentLsn()
    await flushFiles()
  }
  /** Runs one checkpoint after the other, even if the previous one failed. */
  const flush = () => {
    last = last.catch(() => {}).then(checkpoint)
    return last
  }
  const timer = setInterval(() => void flush().catch(warn), CHECKPOINT_INTERVAL_MS).unref()
  return {
    flush,
    async close() {
      clearInterval(timer)
      await last.catch(() => {})
      await pglite.exec('checkpoint')
      await pglite.close()
      // Includes what PGlite wrote while it closed.
      await flushFiles()
    },
  }
}

const warn = (error: unknown) =>
  process.emitWarning(
    `the database could not be written to the disk: ${error instanceof Error ? error.message : error}`,
  )
