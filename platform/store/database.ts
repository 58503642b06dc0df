import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'

/**
 * The database, or a transaction in it: what every function of the store takes first.
 *
 * Within a transaction use its handle alone. The embedded database has one connection, so a query of another handle waits for
 * the end of the transaction, which waits for it.
 */
export type Database = PgDatabase<PgQueryResultHKT, Record<string, never>>
