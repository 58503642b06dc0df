import { randomUUID } from 'node:crypto'
import { inArray, isNull, type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { fail } from '../../core/errors.ts'
import type { Database } from './database.ts'
import { adapters } from './schema/adapters.ts'
import { bases } from './schema/bases.ts'
import { datasets } from './schema/datasets.ts'
import { trainings, unfinishedTrainingStatuses } from './schema/trainings.ts'

/** The columns that refer to artifacts, and the rows of which they count. Defaults to all rows. */
const REFERENCES: readonly { column: PgColumn; where?: SQL }[] = [
  { column: adapters.artifact },
  { column: datasets.digest, where: isNull(datasets.deleted_at) },
  { column: bases.artifact },
  // A finished training needs neither its saved state nor the adapter that it continued from.
  { column: trainings.state, where: inArray(trainings.status, unfinishedTrainingStatuses) },
  { column: trainings.from_artifact, where: inArray(trainings.status, unfinishedTrainingStatuses) },
]

/** How often the references are read at most, until two readings in a row are the same. */
const MAX_READINGS = 5

/**
 * Selects the digests of all artifacts that are still needed. Garbage collection relies on this list, so it must not
 * be taken on trust: a database that was damaged, for example because its disk was full, may answer with too few rows
 * and without an error. Each reading must contain its own proof, and two readings in a row must be the same.
 * @throws GraftError `store_unavailable` if the answers of the database cannot be trusted
 */
export async function selectReferencedArtifacts(db: Database): Promise<ReadonlySet<string>> {
  let previous = await readReferences(db)
  for (let reading = 1; reading < MAX_READINGS; reading++) {
    const references = await readReferences(db)
    if (references.length === previous.length && references.every((reference, i) => reference === previous[i]))
      return new Set(references)
    previous = references
  }
  return throwUntrusted('the same references in two readings', `others in each of ${MAX_READINGS} readings`)
}

/** A row of the statement. `source` is the index in REFERENCES, or -1 for the sentinel. */
interface Row {
  source: number
  /** The digest of a reference, the token of the sentinel. Null in a row that has a count. */
  text: string | null
  count: string | number | null
}

/**
 * Reads the digests in order, repeated if several rows refer to the same artifact. A single statement, and so a single
 * snapshot, returns them with the number of rows of each table and with a sentinel: a token that was made for it.
 */
async function readReferences(db: Database): Promise<string[]> {
  const token = randomUUID()
  const parts = REFERENCES.flatMap(({ column, where = sql`true` }, source) => {
    const number = sql.raw(String(source))
    return [
      sql`select ${number} as source, ${column} as text, null::bigint as count from ${column.table} where ${column} is not null and ${where}`,
      sql`select ${number}, null, count(*) from ${column.table} where ${column} is not null and ${where}`,
    ]
  })
  const sentinel = sql`select -1, ${token}::text, null::bigint`
  const { rows } = (await db.execute(sql.join([...parts, sentinel], sql` union all `))) as unknown as { rows: Row[] }

  if (!rows.some(({ source, text }) => source === -1 && text === token))
    throwUntrusted('the row that every answer contains', `${rows.length} rows without it`)
  const digests: string[] = []
  for (const [source, { column }] of REFERENCES.entries()) {
    const ofSource = rows.filter((row) => Number(row.source) === source)
    const counted = ofSource.find(({ count }) => count !== null)?.count ?? 'no count'
    const found = ofSource.flatMap(({ text }) => text ?? [])
    if (Number(counted) !== found.length)
      throwUntrusted(`${counted} references in ${column.name}`, `${found.length} of them`)
    digests.push(...found)
  }
  return digests.sort()
}

function throwUntrusted(expected: string, found: string): never {
  fail('store_unavailable', {
    subject: 'the database',
    expected,
    found,
    fix: 'No artifact was removed. Restart Graft; if this happens again, check the disk of the database.',
  })
}
