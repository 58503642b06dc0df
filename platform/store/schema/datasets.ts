import { isNull, sql } from 'drizzle-orm'
import { check, integer, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { datasetFormats } from '../../schemas/datasets.ts'
import { createdAt, graft, id, json, large, nameCheck, oneOf, sha256, sha256Check, time } from './columns.ts'

export const datasets = graft.table(
  'datasets',
  {
    id: id(),
    name: text().notNull(),
    /** Of the file that was uploaded, where that was told. */
    filename: text(),
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
    /** From then on its file is gone and its name is free; the row stays for what was made of it. */
    deleted_at: time(),
  },
  (table) => [
    nameCheck('datasets', table.name),
    uniqueIndex('datasets_free_name').on(table.name).where(isNull(table.deleted_at)),
    sha256Check('datasets_digest', table.digest),
    check('datasets_format', oneOf(table.format, datasetFormats)),
    check('datasets_sizes', sql`${table.bytes} >= 0 and ${table.rows} >= 0 and ${table.duplicates} >= 0`),
  ],
)
