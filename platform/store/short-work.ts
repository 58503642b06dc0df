import { and, eq, inArray, sql } from 'drizzle-orm'
import type { PlainError } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'
import type { Database } from './database.ts'
import { comparisons } from './schema/comparisons.ts'
import { evaluations } from './schema/evaluations.ts'
import { throwUnknown } from './throw-errors.ts'

// Evaluations and comparisons are both requested, done once, and kept. They differ in their columns, but not in their
// transitions.

export const unfinishedWorkStatuses = ['queued', 'running'] as const

const tables = { evaluation: evaluations, comparison: comparisons } as const

/** Returns the table of a kind. Queries do not accept a union of tables, so only common columns may be used. */
const tableOf = (kind: ShortWorkKind) => tables[kind] as unknown as typeof evaluations

/** The rows of each kind. */
interface Rows {
  evaluation: typeof evaluations.$inferSelect
  comparison: typeof comparisons.$inferSelect
}

export type ShortWorkKind = keyof Rows
export const shortWorkKinds = Object.keys(tables) as ShortWorkKind[]
export type ShortWorkRow<K extends ShortWorkKind> = Rows[K]

/** The column of the result of each kind. */
interface Results {
  evaluation: { metrics: NonNullable<Rows['evaluation']['metrics']> }
  comparison: { result: NonNullable<Rows['comparison']['result']> }
}
export type ShortWorkResult<K extends ShortWorkKind> = Results[K]

export type ShortWorkOutcome<K extends ShortWorkKind> =
  | { status: 'running' | 'cancelled' }
  | ({ status: 'succeeded' } & ShortWorkResult<K>)
  | { status: 'failed'; error: PlainError }

/** @throws GraftError `evaluation_unknown`, `comparison_unknown` */
export async function selectShortWork<K extends ShortWorkKind>(
  db: Database,
  kind: K,
  id: string,
): Promise<ShortWorkRow<K>> {
  const table = tableOf(kind)
  const [row] = isUuid(id) ? await db.select().from(table).where(eq(table.id, id)) : []
  return (row as unknown as ShortWorkRow<K> | undefined) ?? throwUnknown(kind, id)
}

/**
 * Writes the outcome of an evaluation or a comparison, unless it has one. The first outcome is final, so a duplicate
 * that finishes later changes nothing.
 * @returns the row afterwards, or undefined if nothing was written
 */
export async function updateShortWork<K extends ShortWorkKind>(
  db: Database,
  kind: K,
  id: string,
  outcome: ShortWorkOutcome<K>,
): Promise<ShortWorkRow<K> | undefined> {
  const table = tableOf(kind)
  const finished = outcome.status === 'running' ? {} : { finished_at: sql`now()` }
  const [row] = await db
    .update(table)
    .set({ ...(outcome as Partial<Rows['evaluation']>), ...finished })
    .where(and(eq(table.id, id), inArray(table.status, unfinishedWorkStatuses)))
    .returning()
  return row as unknown as ShortWorkRow<K> | undefined
}

/** Selects the ids of the evaluations or comparisons that have not finished. */
export async function selectUnfinishedShortWork(db: Database, kind: ShortWorkKind): Promise<string[]> {
  const table = tableOf(kind)
  const rows = await db.select({ id: table.id }).from(table).where(inArray(table.status, unfinishedWorkStatuses))
  return rows.map(({ id }) => id)
}
