import { sql } from 'drizzle-orm'

/** Drizzle's own, for a library that writes its statements into our transactions. */
export const sqlTemplate = sql
