import type { StoreClient } from './store.ts'

/** The key of an advisory lock: a number that no other program uses. */
const STARTUP_LOCK = 0x67726167

/**
 * Runs startup work on the database that only one process at a time may do. A database of PGlite has only one process,
 * so it needs no lock.
 */
export async function withStartupLock<T>(client: StoreClient, work: () => Promise<T>): Promise<T> {
  if (client.kind === 'pglite') return work()
  const connection = await client.pool.connect()
  try {
    await connection.query(`select pg_advisory_lock(${STARTUP_LOCK})`)
    return await work()
  } finally {
    // The session holds the lock. Closing the connection releases it in any case.
    connection.release(true)
  }
}
