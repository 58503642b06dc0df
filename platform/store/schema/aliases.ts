import { boolean, index, text, uuid } from 'drizzle-orm/pg-core'
import type { NamedWeights } from '../../schemas/adapters.ts'
import type { Guard } from '../../schemas/aliases.ts'
import { adapters } from './adapters.ts'
import { createdAt, graft, id, json, nameCheck, time } from './columns.ts'

export const aliases = graft.table(
  'aliases',
  {
    id: id(),
    name: text().notNull().unique(),
    /** It cannot be deleted while an alias leads to it. */
    adapter_id: uuid()
      .notNull()
      .references(() => adapters.id),
    guard: json<Guard>(),
    created_at: createdAt(),
    moved_at: time().notNull().defaultNow(),
  },
  (table) => [nameCheck('aliases', table.name), index('aliases_adapter').on(table.adapter_id)],
)

/** What became of each alias. Nothing here refers to rows: it outlives them. */
export const aliasMoves = graft.table(
  'alias_moves',
  {
    id: id(),
    alias: text().notNull(),
    /** Null where the alias was made. */
    from: json<NamedWeights>(),
    /** Null where the alias was removed. */
    to: json<NamedWeights>(),
    /** As it was after the move. */
    guard: json<Guard>(),
    comparison_id: uuid(),
    forced: boolean().notNull(),
    /** The id of the API key; empty without keys. */
    owner: text().notNull(),
    created_at: createdAt(),
  },
  (table) => [index('alias_moves_of').on(table.alias, table.id)],
)
