import { sql } from 'drizzle-orm'
import { check, doublePrecision, index, text, uuid } from 'drizzle-orm/pg-core'
import type { Adapter } from '../../schemas/adapters.ts'
import { bases } from './bases.ts'
import { createdAt, graft, id, json, large, nameCheck, sha256, sha256Check } from './columns.ts'

export const adapters = graft.table(
  'adapters',
  {
    id: id(),
    name: text().notNull().unique(),
    base_id: uuid()
      .notNull()
      .references(() => bases.id),
    method: text().$type<Adapter['method']>().notNull(),
    trainable: large().$type<Adapter['trainable']>().notNull(),
    total: large().$type<Adapter['total']>().notNull(),
    /** SHA-256 of the weights. Clients can use it as a key to cache predictions. */
    digest: sha256().$type<Adapter['digest']>().notNull(),
    /** The artifact of the packed folder. */
    artifact: sha256().notNull(),
    bytes: large().$type<Adapter['bytes']>().notNull(),
    layout: text().$type<Adapter['layout']>().notNull(),
    labels: json<Adapter['labels']>().notNull(),
    temperature: doublePrecision().notNull().default(1),
    metrics: json<NonNullable<Adapter['metrics']>>(),
    created_at: createdAt(),
  },
  (table) => [
    nameCheck('adapters', table.name),
    sha256Check('adapters_digest', table.digest),
    sha256Check('adapters_artifact', table.artifact),
    check('adapters_sizes', sql`${table.bytes} >= 0 and ${table.trainable} >= 0 and ${table.total} >= 0`),
    check('adapters_temperature', sql`${table.temperature} > 0`),
    index('adapters_by_base').on(table.base_id),
    index('adapters_by_digest').on(table.digest),
  ],
)
