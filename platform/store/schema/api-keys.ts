import { sql } from 'drizzle-orm'
import { check, text } from 'drizzle-orm/pg-core'
import { keyScopes } from '../../schemas/statuses.ts'
import { createdAt, graft, id, sha256, sha256Check, time } from './columns.ts'

export const apiKeys = graft.table(
  'api_keys',
  {
    id: id(),
    name: text().notNull(),
    /** SHA-256 of the whole key. A key is 32 random bytes, so a slower hash would not make guessing harder. */
    hash: sha256().notNull().unique(),
    /** The first characters of the key, by which its owner can recognize it. */
    prefix: text().notNull(),
    scopes: text({ enum: keyScopes }).array().notNull(),
    created_at: createdAt(),
    last_used_at: time(),
    revoked_at: time(),
  },
  (table) => [
    sha256Check('api_keys_hash', table.hash),
    check('api_keys_name', sql`length(${table.name}) between 1 and 200`),
    check(
      'api_keys_scopes',
      sql`cardinality(${table.scopes}) > 0 and ${table.scopes} <@ ${sql.raw(`array['${keyScopes.join("', '")}']`)}`,
    ),
  ],
)
