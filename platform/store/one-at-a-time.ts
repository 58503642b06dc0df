import type { StoreClient } from './store.ts'

/** Any number that no other program takes for its own advisory lock. */
const LOCK = 0x67726167

/** Does work on the database that processes which start at once must do one after the other. The embedded one has a single process. */
export async function oneAtATime<T>(client: StoreClient, work: () => Promise<T>): Promise<T> {
  if (client.kind === 'embedded') return work()
  const connection = await client.pool.connect()
  try {
    await connection.query(`select pg_advisory_lock(${LOCK})`)
    return await work()
  } finally {
    // The lock ends with the session, however that ends.
    connection.release(true)
  }
}
