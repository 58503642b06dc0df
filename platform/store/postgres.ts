import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as runMigrations } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { MINUTE_MS } from '../../core/durations.ts'
import { fail, GraftError } from '../../core/errors.ts'
import { isLostConnection } from '../../core/lost-connection.ts'
import type { Database } from './database.ts'
import { migrate } from './migrate.ts'
import type { Store } from './store.ts'

/** @throws GraftError `store_unavailable` if the server does not answer or refuses the connection; `store_newer` */
export function openPostgres(url: string, keepConnections = true): Promise<Store> {
  const unavailable = (error: unknown) => throwUnavailable(url, error)
  let pool: pg.Pool
  try {
    pool = new pg.Pool({ connectionString: url, ...poolSettings, ...(!keepConnections && { maxUses: 1 }) })
  } catch (error) {
    return unavailable(error)
  }
  return openPool(pool, { url, name: redactUrl(url), unavailable })
}

/** The settings of every pool. */
export const poolSettings: pg.PoolConfig = {
  application_name: 'graft',
  connectionTimeoutMillis: 10_000,
  keepAlive: true,
  // Releases the locks of a process that stopped in the middle of a transaction.
  idle_in_transaction_session_timeout: MINUTE_MS,
}

export interface PoolOptions {
  url: string
  /** The name of the database in errors. */
  name: string
  /** Throws the error of a database that cannot be opened, for reasons that are not Graft's own. */
  unavailable(cause: unknown): never
}

/** Opens the store on a pool of connections, which it closes. */
export async function openPool(pool: pg.Pool, { url, name, unavailable }: PoolOptions): Promise<Store> {
  // Without a listener, an idle connection that breaks ends the process. The pool opens another one when it is needed.
  pool.on('error', () => {})
  // The same holds for a connection in use. There, the query fails as well.
  pool.on('connect', (client) => client.on('error', () => {}))
  try {
    const client = await pool.connect()
    try {
      const db = drizzle(client)
      await migrate(db, (config) => runMigrations(db, config), name)
    } finally {
      client.release()
    }
  } catch (error) {
    await pool.end()
    throw error instanceof GraftError ? error : unavailable(error)
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

function throwUnavailable(url: string, error: unknown): never {
  return fail(
    'store_unavailable',
    {
      subject: `the database ${redactUrl(url)}`,
      problem: `could not be opened: ${reasonOf(error)}`,
      fix: 'Check DATABASE_URL and the server. Without DATABASE_URL, Graft uses an embedded database.',
    },
    error,
  )
}

/** Returns the message of the server or of the operating system. */
export function reasonOf(error: unknown): string {
  // drizzle wraps the server's error, and a host name with several addresses fails with a list of errors and no
  // message.
  const cause = (error instanceof Error && error.cause) || error
  return cause instanceof AggregateError ? cause.errors.map(String).join('; ') : (cause as Error).message
}

/** Returns the URL without user, password and parameters. */
function redactUrl(url: string): string {
  const parsed = URL.parse(url)
  return parsed ? `${parsed.protocol}//${parsed.host}${parsed.pathname}` : 'DATABASE_URL'
}
