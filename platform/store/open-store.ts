import { graftHome } from './home.ts'
import type { Store } from './store.ts'

export interface StoreOptions {
  /** `postgres://…`; DATABASE_URL where absent. An empty one means none. */
  databaseUrl?: string
  /** The folder of the embedded database; see {@link graftHome}. */
  home?: string
  /** Whether connections to PostgreSQL are kept for the next query, as where absent. One that was kept by a process that is frozen for a while is dead. */
  keepConnections?: boolean
}

/**
 * Opens the database, makes it where there is none, and brings its tables up to date. PostgreSQL where a URL is given; else the
 * embedded one, `database/` in the home folder. Neither is loaded before this is called.
 * @throws GraftError `store_locked` where another process has the embedded database, `store_unavailable` where PostgreSQL does
 *   not answer, `store_newer` where a later Graft made the tables
 */
export async function openStore({
  databaseUrl = process.env.DATABASE_URL,
  home = graftHome(),
  keepConnections,
}: StoreOptions = {}): Promise<Store> {
  if (databaseUrl) return (await import('./postgres.ts')).openPostgres(databaseUrl, keepConnections)
  return (await import('./embedded.ts')).openEmbedded(home)
}
