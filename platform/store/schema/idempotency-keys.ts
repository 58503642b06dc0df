import { index, primaryKey, text } from 'drizzle-orm/pg-core'
import { createdAt, graft, json, sha256, sha256Check } from './columns.ts'

export const idempotencyKeys = graft.table(
  'idempotency_keys',
  {
    /**
     * The id of the caller's API key, because two callers may choose the same idempotency key. Empty if the server has
     * no keys.
     */
    owner: text().notNull(),
    /** The operation, such as `launch_training`. */
    operation: text().notNull(),
    key: text().notNull(),
    request_hash: sha256().notNull(),
    /** The response to the first request. Null only within the transaction that inserts the row. */
    response: json<unknown>(),
    created_at: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.owner, table.operation, table.key] }),
    sha256Check('idempotency_keys_request_hash', table.request_hash),
    index('idempotency_keys_by_created_at').on(table.created_at),
  ],
)
