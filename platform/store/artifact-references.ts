import { inArray, isNull, sql } from 'drizzle-orm'
import { type PgColumn, union } from 'drizzle-orm/pg-core'
import type { Database } from './database.ts'
import { adapters } from './schema/adapters.ts'
import { bases } from './schema/bases.ts'
import { datasets } from './schema/datasets.ts'
import { trainings, unfinished } from './schema/trainings.ts'

const anyDigest = (column: PgColumn) => sql<string | null>`${column}`

/** The digests of all that the store refers to among the artifacts; the state of a training that has ended is no longer needed. */
export async function referencedArtifacts(db: Database): Promise<Set<string>> {
  const rows = await union(
    db.select({ digest: anyDigest(adapters.artifact) }).from(adapters),
    db
      .select({ digest: anyDigest(datasets.digest) })
      .from(datasets)
      .where(isNull(datasets.deleted_at)),
    db.select({ digest: anyDigest(bases.artifact) }).from(bases),
    db
      .select({ digest: anyDigest(trainings.state) })
      .from(trainings)
      .where(inArray(trainings.status, unfinished)),
  )
  return new Set(rows.flatMap(({ digest }) => digest ?? []))
}
