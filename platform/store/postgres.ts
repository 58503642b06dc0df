import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as runMigrations } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { MINUTE_MS } from '../../core/durations.ts'
import { fail, GraftError } from '../../core/errors.ts'
import type { Database } from './database.ts'
import { isLostConnection } from './lost-connection.ts'
import { migrate } from './migrate.ts'
import type { Store } from './store.ts'

/** @throws GraftError `store_unavailable` if the server does not answer or refuses the connection; `store_newer` */
export async function openPostgres(url: string, keepConnections = true): Promise<Store> {
  const pool = createPool(url, keepConnections)
  // Without a listener, an idle connection that breaks ends the process. The pool opens another one when it is needed.
  pool.on('error', () => {})
  // The same holds for a connection in use. There, the query fails as well.
  pool.on('connect', (client) => client.on('error', () => {}))
  try {
    const client = await pool.connect()
    try {
      const db = drizzle(client)
      await migrate(db, (config) => runMigrations(db, config), redactUrl(url))
    } finally {
      client.release()
    }
  } catch (error) {
    await pool.end()
    throw error instanceof GraftError ? error : throwUnavailable(url, error)
  }
  const transaction = <T>(work: (tx: Database) => Promise<T>) => inTransaction(pool, work)
  const db = Object.assign(drizzle(pool), { transaction })
  return {
    db,
    client: { kind: 'postgres', pool, url },
    transaction,
    flush: async () => {},
    close: () => pool.end(),
  }
}

/**
 * Runs a transaction and returns its connection to the pool, unless the connection broke. Drizzle's own transactions
 * never return a connection on which `begin` failed, so the pool runs out of connections.
 */
async function inTransaction<T>(pool: pg.Pool, work: (tx: Database) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let isBroken = false
  try {
    return await drizzle(client).transaction(work)
  } catch (error) {
    isBroken = isLostConnection(error)
    throw error
  } finally {
    client.release(isBroken)
  }
}

function createPool(url: string, keepConnections: boolean): pg.Pool {
  try {
    return new pg.Pool({
      connectionString: url,
      application_name: 'graft',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      ...(!keepConnections && { maxUses: 1 }),
      // Releases the locks of a process that stopped in the middle of a transaction.
      idle_in_transaction_session_timeout: MINUTE_MS,
    })
  } catch (error) {
    return throwUnavailable(url, error)
  }
}

function throwUnavailable(url: string, error: unknown): never {
  // drizzle wraps the server's error, and a host name with several addresses fails with a list of errors and no
  // message.
  const cause = (error instanceof Error && error.cause) || error
  const reason = cause instanceof AggregateError ? cause.errors.map(String).join('; ') : (cause as Error).message
  return fail(
    'store_unavailable',
    {
      subject: `the database ${redactUrl(url)}`,
      problem: `could not be opened: ${reason}`,
      fix: 'Check DATABASE_URL and the server. Without DATABASE_URL, Graft uses an embedded database.',
    },
    error,
  )
}

/** Returns the URL without user, password and parameters. */
function redactUrl(url: string): string {
  const parsed = URL.parse(url)
  return parsed ? `${parsed.protocol}//${parsed.host}${parsed.pathname}` : 'DATABASE_URL'
}
