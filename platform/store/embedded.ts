import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { drizzle } from 'drizzle-orm/pglite'
import { migrate as runMigrations } from 'drizzle-orm/pglite/migrator'
import { flushFolder } from './flush-folder.ts'
import { lockFolder } from './folder-lock.ts'
import { migrate } from './migrate.ts'
import type { Store } from './store.ts'

/** Milliseconds between checkpoints while something is written: what a loss of power can take. */
const CHECKPOINT_EVERY = 10_000

/**
 * Opens the database in `<home>/database`, which this process then has for itself.
 * @throws GraftError `store_locked`, `store_newer`
 */
export async function openEmbedded(home: string): Promise<Store> {
  const unlock = lockFolder(home)
  const folder = join(home, 'database')
  try {
    if (!existsSync(folder)) await create(folder)
    // Whoever ends in order removes it, after a flush.
    const whole = !existsSync(join(folder, 'postmaster.pid'))
    const pglite = await start(folder)
    const db = drizzle(pglite)
    try {
      await migrate(db, (config) => runMigrations(db, config), folder)
    } catch (error) {
      await pglite.close()
      throw error
    }
    const checkpoints = keepCheckpoints(pglite, folder, whole ? Date.now() : 0)
    return {
      db,
      client: { kind: 'embedded', pglite },
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

/** Under another name until it is whole: a process killed meanwhile leaves nothing that looks like a database. */
async function create(folder: string): Promise<void> {
  const partial = `${folder}.partial`
  rmSync(partial, { recursive: true, force: true })
  await (await start(partial)).close()
  await flushFolder(partial, 0)
  renameSync(partial, folder)
}

function start(folder: string): Promise<PGlite> {
  // Whoever owned the folder before is gone, since we have its lock; an empty file of that name would keep PGlite from starting.
  rmSync(join(folder, 'postmaster.pid'), { force: true })
  return PGlite.create(folder, { startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=8MB'] })
}

/**
 * PGlite never asks the disk to keep what it wrote, so that is done here: a checkpoint, then a flush of its files.
 * @param flushed the time at which all was on the disk
 */
function keepCheckpoints(pglite: PGlite, folder: string, flushed: number) {
  let checkpointed = ''
  let last = Promise.resolve()

  const position = async () =>
    (await pglite.query<{ at: string }>('select pg_current_wal_insert_lsn()::text as at')).rows[0].at
  const flushFiles = async () => {
    const began = Date.now()
    // The time of a file is coarser than the clock.
    await flushFolder(folder, flushed - 2_000)
    flushed = began
  }
  const checkpoint = async () => {
    if ((await position()) === checkpointed) return
    await pglite.exec('checkpoint')
    checkpointed = await position()
    await flushFiles()
  }
  /** One after the other. The next is tried even where one failed. */
  const flush = () => {
    last = last.catch(() => {}).then(checkpoint)
    return last
  }
  const timer = setInterval(() => void flush().catch(warn), CHECKPOINT_EVERY).unref()
  return {
    flush,
    async close() {
      clearInterval(timer)
      await last.catch(() => {})
      await pglite.exec('checkpoint')
      await pglite.close()
      // What it wrote while it closed, too.
      await flushFiles()
    },
  }
}

const warn = (error: unknown) =>
  process.emitWarning(`the database could not be put on the disk: ${error instanceof Error ? error.message : error}`)
