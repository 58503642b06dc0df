import { sql } from 'drizzle-orm'
import { check, integer, text } from 'drizzle-orm/pg-core'
import { datasetFormats } from '../../schemas/datasets.ts'
import { createdAt, graft, id, json, large, nameCheck, oneOf, sha256, sha256Check } from './columns.ts'

export const datasets = graft.table(
  'datasets',
  {
    id: id(),
    name: text().notNull().unique(),
    /** SHA-256 of the file as it was uploaded, under which it is kept. */
    digest: sha256().notNull(),
    bytes: large().notNull(),
    format: text({ enum: datasetFormats }).notNull(),
    rows: integer().notNull(),
    /** How many reviews bear each label. */
    labels: json<Record<string, number>>().notNull(),
    /** Texts that occur more than once. */
    duplicates: integer().notNull(),
    created_at: createdAt(),
  },
  (table) => [
    nameCheck('datasets', table.name),
    sha256Check('datasets_digest', table.digest),
    check('datasets_format', oneOf(table.format, datasetFormats)),
    check('datasets_sizes', sql`${table.bytes} >= 0 and ${table.rows} >= 0 and ${table.duplicates} >= 0`),
  ],
)
