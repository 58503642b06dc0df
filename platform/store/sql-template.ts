import { sql } from 'drizzle-orm'

/** Drizzle's `sql`, for a library that runs its own statements in the store's transactions. */
export const sqlTemplate = sql
