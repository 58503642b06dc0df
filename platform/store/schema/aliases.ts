import { boolean, index, text, uuid } from 'drizzle-orm/pg-core'
import type { AdapterSnapshot } from '../../schemas/adapters.ts'
import type { Guard } from '../../schemas/aliases.ts'
import { adapters } from './adapters.ts'
import { createdAt, graft, id, json, nameCheck, time } from './columns.ts'

export const aliases = graft.table(
  'aliases',
  {
    id: id(),
    name: text().notNull().unique(),
    /** The adapter that the alias points to. It cannot be deleted while the alias exists. */
    adapter_id: uuid()
      .notNull()
      .references(() => adapters.id),
    guard: json<Guard>(),
    created_at: createdAt(),
    moved_at: time().notNull().defaultNow(),
  },
  (table) => [nameCheck('aliases', table.name), index('aliases_by_adapter').on(table.adapter_id)],
)

/** The history of each alias. It outlives the adapters and aliases, so it does not reference their rows. */
export const aliasMoves = graft.table(
  'alias_moves',
  {
    id: id(),
    alias: text().notNull(),
    /** Null if the alias was created. */
    from: json<AdapterSnapshot>(),
    /** Null if the alias was removed. */
    to: json<AdapterSnapshot>(),
    /** The guard after the move. */
    guard: json<Guard>(),
    comparison_id: uuid(),
    forced: boolean().notNull(),
    /** The id of the caller's API key. Empty if the server has no keys. */
    owner: text().notNull(),
    created_at: createdAt(),
  },
  (table) => [index('alias_moves_by_alias').on(table.alias, table.id)],
)
