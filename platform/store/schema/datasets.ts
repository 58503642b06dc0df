import { isNull, sql } from 'drizzle-orm'
import { check, integer, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { dataFormats, type Reading } from '../../../training/data/reading.ts'
import type { SkippedRows } from '../../../training/data/skipped-rows.ts'
import { createdAt, graft, id, json, large, nameCheck, oneOf, sha256, sha256Check, time } from './columns.ts'

export const datasets = graft.table(
  'datasets',
  {
    id: id(),
    name: text().notNull(),
    /** The name of the uploaded file, if it is known. */
    filename: text(),
    /** SHA-256 of the uploaded file, which is also the digest of its artifact. */
    digest: sha256().notNull(),
    bytes: large().notNull(),
    format: text({ enum: dataFormats }).notNull(),
    rows: integer().notNull(),
    /** The number of examples of each label. */
    labels: json<Record<string, number>>().notNull(),
    /** The number of texts that occur more than once. */
    duplicates: integer().notNull(),
    /** How the file is read, with the columns that were found at its upload. */
    reading: json<Reading>().notNull().default({}),
    encoding: text().notNull().default('utf-8'),
    /** The rows that were not read. */
    skipped: json<SkippedRows>().notNull().default({ rows: 0, reasons: [] }),
    created_at: createdAt(),
    /**
     * Set when the data set is deleted. Its file is then removed and its name is free, but the row stays for the
     * trainings, evaluations and comparisons that used it.
     */
    deleted_at: time(),
  },
  (table) => [
    nameCheck('datasets', table.name),
    uniqueIndex('datasets_unique_name').on(table.name).where(isNull(table.deleted_at)),
    sha256Check('datasets_digest', table.digest),
    check('datasets_format', oneOf(table.format, dataFormats)),
    check('datasets_sizes', sql`${table.bytes} >= 0 and ${table.rows} >= 0 and ${table.duplicates} >= 0`),
  ],
)
