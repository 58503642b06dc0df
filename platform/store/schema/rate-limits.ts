import { bigint, integer, varchar } from 'drizzle-orm/pg-core'
import { graft } from './columns.ts'

/**
 * The requests that each caller has made in the current window, counted by all servers together. The columns and their
 * order are those of rate-limiter-flexible. The table is unlogged, because its rows live for a minute: they are not
 * worth a write to the disk, and a crash may empty it.
 */
export const rateLimits = graft.table('rate_limits', {
  key: varchar({ length: 255 }).primaryKey(),
  points: integer().notNull().default(0),
  /** Milliseconds since 1970. */
  expire: bigint({ mode: 'number' }),
})
