import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as runMigrations } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { fail, GraftError } from '../../core/errors.ts'
import type { Database } from './database.ts'
import { isLostConnection } from './lost-connection.ts'
import { migrate } from './migrate.ts'
import type { Store } from './store.ts'

/**
 * @throws GraftError `store_unavailable` where the server does not answer or refuses, `store_newer`
 */
export async function openPostgres(url: string, keepConnections = true): Promise<Store> {
  const pool = poolOf(url, keepConnections)
  // Without a listener, a connection that breaks while nobody uses it ends the process. The pool opens another when asked.
  pool.on('error', () => {})
  // So does one that breaks while it is used; whoever uses it learns of that from the query.
  pool.on('connect', (client) => client.on('error', () => {}))
  try {
    const client = await pool.connect()
    try {
      const db = drizzle(client)
      await migrate(db, (config) => runMigrations(db, config), shown(url))
    } finally {
      client.release()
    }
  } catch (error) {
    await pool.end()
    throw error instanceof GraftError ? error : unavailable(url, error)
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
 * Drizzle's own keeps a connection for good where `begin` fails on it, until the pool has none left. One that broke does not go back to
 * the pool, either.
 */
async function inTransaction<T>(pool: pg.Pool, work: (tx: Database) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken = false
  try {
    return await drizzle(client).transaction(work)
  } catch (error) {
    broken = isLostConnection(error)
    throw error
  } finally {
    client.release(broken)
  }
}

function poolOf(url: string, keepConnections: boolean): pg.Pool {
  try {
    return new pg.Pool({
      connectionString: url,
      application_name: 'graft',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      ...(!keepConnections && { maxUses: 1 }),
      // A process that stops in the middle of a transaction holds its locks no longer than this.
      idle_in_transaction_session_timeout: 60_000,
    })
  } catch (error) {
    return unavailable(url, error)
  }
}

function unavailable(url: string, error: unknown): never {
  // drizzle wraps what the server said; a connection tried at several addresses fails with a list and no message.
  const cause = (error instanceof Error && error.cause) || error
  const found = cause instanceof AggregateError ? cause.errors.map(String).join('; ') : (cause as Error).message
  return fail(
    'store_unavailable',
    {
      subject: shown(url),
      expected: 'a PostgreSQL server that lets Graft make its tables',
      found,
      fix: 'Check DATABASE_URL and the server; without DATABASE_URL, Graft uses a database of its own.',
    },
    error,
  )
}

/** Without user, password and parameters. */
function shown(url: string): string {
  const parsed = URL.parse(url)
  return parsed ? `${parsed.protocol}//${parsed.host}${parsed.pathname}` : 'DATABASE_URL'
}
