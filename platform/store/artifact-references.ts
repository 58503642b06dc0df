import { inArray, isNull, sql } from 'drizzle-orm'
import { type PgColumn, union } from 'drizzle-orm/pg-core'
import type { Database } from './database.ts'
import { adapters } from './schema/adapters.ts'
import { bases } from './schema/bases.ts'
import { datasets } from './schema/datasets.ts'
import { trainings, unfinishedTrainingStatuses } from './schema/trainings.ts'

/** Gives the digests of all tables one type, as a union needs. */
const asDigest = (column: PgColumn) => sql<string | null>`${column}`

/** Selects the digests of all artifacts that are still needed. The saved state of a finished training is not. */
export async function selectReferencedArtifacts(db: Database): Promise<Set<string>> {
  const rows = await union(
    db.select({ digest: asDigest(adapters.artifact) }).from(adapters),
    db
      .select({ digest: asDigest(datasets.digest) })
      .from(datasets)
      .where(isNull(datasets.deleted_at)),
    db.select({ digest: asDigest(bases.artifact) }).from(bases),
    db
      .select({ digest: asDigest(trainings.state) })
      .from(trainings)
      .where(inArray(trainings.status, unfinishedTrainingStatuses)),
  )
  return new Set(rows.flatMap(({ digest }) => digest ?? []))
}
