import { text } from 'drizzle-orm/pg-core'
import type { T5Config } from '../../../model/t5/config.ts'
import { createdAt, graft, id, json, large, nameCheck, sha256, sha256Check } from './columns.ts'

export const bases = graft.table(
  'bases',
  {
    id: id(),
    name: text().notNull().unique(),
    /** Over names, shapes and bytes of its tensors: the same base under two names has one fingerprint. */
    fingerprint: sha256().notNull(),
    shape: json<T5Config>().notNull(),
    parameters: large().notNull(),
    bytes: large().notNull(),
    /** Where its files are kept; null where every machine has them, as the embedded base. */
    artifact: sha256(),
    created_at: createdAt(),
  },
  (table) => [
    nameCheck('bases', table.name),
    sha256Check('bases_fingerprint', table.fingerprint),
    sha256Check('bases_artifact', table.artifact),
  ],
)
