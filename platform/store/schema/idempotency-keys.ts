import { index, primaryKey, text } from 'drizzle-orm/pg-core'
import { createdAt, graft, json, sha256, sha256Check } from './columns.ts'

export const idempotencyKeys = graft.table(
  'idempotency_keys',
  {
    /** Who asked (the id of an API key, empty without keys): two callers may choose the same key. */
    owner: text().notNull(),
    /** What was asked for, such as `launch_training`. */
    operation: text().notNull(),
    key: text().notNull(),
    request_hash: sha256().notNull(),
    /** Null only within the transaction that makes it. */
    answer: json<unknown>(),
    created_at: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.owner, table.operation, table.key] }),
    sha256Check('idempotency_keys_request_hash', table.request_hash),
    index('idempotency_keys_age').on(table.created_at),
  ],
)
