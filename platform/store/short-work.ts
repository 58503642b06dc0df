import { and, eq, inArray, sql } from 'drizzle-orm'
import type { PlainError } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'
import type { Database } from './database.ts'
import { unknown } from './refusals.ts'
import { comparisons } from './schema/comparisons.ts'
import { evaluations } from './schema/evaluations.ts'

// Evaluations and comparisons are asked for, done once, and kept: they differ in what they hold, not in how they go.

const tables = { evaluation: evaluations, comparison: comparisons } as const

/** Queries take no union of tables. Nothing is asked of this one but the columns that both have. */
const tableOf = (kind: ShortWorkKind) => tables[kind] as unknown as typeof evaluations

/** Rows of short work, by its kind. */
interface Rows {
  evaluation: typeof evaluations.$inferSelect
  comparison: typeof comparisons.$inferSelect
}

export type ShortWorkKind = keyof Rows
export const shortWorkKinds = Object.keys(tables) as ShortWorkKind[]
export type ShortWorkRow<K extends ShortWorkKind> = Rows[K]

/** The column of what it found. */
interface Findings {
  evaluation: { metrics: NonNullable<Rows['evaluation']['metrics']> }
  comparison: { result: NonNullable<Rows['comparison']['result']> }
}
export type Finding<K extends ShortWorkKind> = Findings[K]

export type ShortWorkOutcome<K extends ShortWorkKind> =
  | { status: 'running' | 'cancelled' }
  | ({ status: 'succeeded' } & Finding<K>)
  | { status: 'failed'; error: PlainError }

/** @throws GraftError `evaluation_unknown`, `comparison_unknown` */
export async function getShortWork<K extends ShortWorkKind>(
  db: Database,
  kind: K,
  id: string,
): Promise<ShortWorkRow<K>> {
  const table = tableOf(kind)
  const [row] = isUuid(id) ? await db.select().from(table).where(eq(table.id, id)) : []
  return (row as unknown as ShortWorkRow<K> | undefined) ?? unknown(kind, id)
}

/**
 * Moves it on. The first outcome stays: a twin that comes later changes nothing.
 * @returns its row as it is then
 * @throws GraftError `evaluation_unknown`, `comparison_unknown`
 */
export async function settleShortWork<K extends ShortWorkKind>(
  db: Database,
  kind: K,
  id: string,
  outcome: ShortWorkOutcome<K>,
): Promise<ShortWorkRow<K>> {
  const table = tableOf(kind)
  const ended = outcome.status === 'running' ? {} : { finished_at: sql`now()` }
  const [row] = await db
    .update(table)
    .set({ ...(outcome as Partial<Rows['evaluation']>), ...ended })
    .where(and(eq(table.id, id), inArray(table.status, unsettled)))
    .returning()
  return (row as unknown as ShortWorkRow<K> | undefined) ?? getShortWork(db, kind, id)
}

/** The ids of those that have not ended. */
export async function listUnsettled(db: Database, kind: ShortWorkKind): Promise<string[]> {
  const table = tableOf(kind)
  const rows = await db.select({ id: table.id }).from(table).where(inArray(table.status, unsettled))
  return rows.map(({ id }) => id)
}

/** Statuses of what has not ended. */
export const unsettled = ['queued', 'running'] as const
