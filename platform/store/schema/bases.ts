import { text } from 'drizzle-orm/pg-core'
import type { ModelConfig } from '../../../model/architecture.ts'
import type { Drift } from '../../schemas/precisions.ts'
import { createdAt, graft, id, json, large, nameCheck, sha256, sha256Check } from './columns.ts'

export const bases = graft.table(
  'bases',
  {
    id: id(),
    name: text().notNull().unique(),
    /** SHA-256 of the names, shapes and bytes of the tensors. The same base has one fingerprint under any name. */
    fingerprint: sha256().notNull(),
    config: json<ModelConfig>().notNull(),
    parameters: large().notNull(),
    bytes: large().notNull(),
    /** The artifact of the base's folder. Null if every machine has the files, as for the embedded base. */
    artifact: sha256(),
    /** The changes of its predictions by int8. Null until it has been measured. */
    int8_drift: json<Drift>(),
    created_at: createdAt(),
  },
  (table) => [
    nameCheck('bases', table.name),
    sha256Check('bases_fingerprint', table.fingerprint),
    sha256Check('bases_artifact', table.artifact),
  ],
)
