import { resolve } from 'node:path'
import type { Store } from './store.ts'

export interface StoreOptions {
  /** The address of a PostgreSQL database, `postgres://…`. Defaults to DATABASE_URL. An empty address means none. */
  databaseUrl?: string
  /** The folder of the embedded database. Defaults to {@link graftHome}. */
  home?: string
  /**
   * Keeps connections to PostgreSQL open for the next query. Defaults to true. Turn it off in a process that
   * is frozen between requests: by the time it continues, the connections that it kept are dead.
   */
  keepConnections?: boolean
}

/** Returns the folder that holds Graft's data on this machine: GRAFT_HOME, or `.graft` in the current folder. */
export const graftHome = (): string => resolve(process.env.GRAFT_HOME || '.graft')

/**
 * Opens the database, creates it if it does not exist, and migrates its tables. It is the one at the URL, or without a
 * URL, the embedded database of the home folder. The code of each is loaded only when it is opened.
 * @throws GraftError `store_unavailable` if PostgreSQL does not answer, `store_newer` if a later version of Graft has
 *   migrated the tables, `store_locked` if another process has a database of PGlite
 */
export async function openStore({
  databaseUrl = process.env.DATABASE_URL,
  home = graftHome(),
  keepConnections,
}: StoreOptions = {}): Promise<Store> {
  if (databaseUrl) return (await import('./postgres.ts')).openPostgres(databaseUrl, keepConnections)
  return (await import('./embedded.ts')).openEmbedded(home)
}
