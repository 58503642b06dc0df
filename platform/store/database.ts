import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'

/**
 * The database, or a transaction in it: the first parameter of every function of the store.
 *
 * Within a transaction, use only its handle. PGlite has one connection, so a query of another handle would wait for the
 * end of the transaction, which would wait for the query.
 */
export type Database = PgDatabase<PgQueryResultHKT, Record<string, never>>
