import { and, eq, inArray, sql } from 'drizzle-orm'
import type { PlainError } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'
import type { Database } from './database.ts'
import { type Page, type PageRequest, pageOf } from './page.ts'
import { unknown } from './refusals.ts'
import { comparisons } from './schema/comparisons.ts'

export type ComparisonRow = typeof comparisons.$inferSelect
export type NewComparison = Pick<typeof comparisons.$inferInsert, 'id' | 'adapters' | 'dataset_id'>

/** @param comparison of two adapters at least */
export async function createComparison(db: Database, comparison: NewComparison): Promise<ComparisonRow> {
  const [row] = await db.insert(comparisons).values(comparison).returning()
  return row
}

/** @throws GraftError `comparison_unknown` */
export async function getComparison(db: Database, id: string): Promise<ComparisonRow> {
  const [row] = isUuid(id) ? await db.select().from(comparisons).where(eq(comparisons.id, id)) : []
  return row ?? unknown('comparison', id)
}

export async function listComparisons(db: Database, request: PageRequest = {}): Promise<Page<ComparisonRow>> {
  const { before, order, take, page } = pageOf(comparisons.id, request)
  return page(await db.select().from(comparisons).where(before).orderBy(order).limit(take))
}

export type ComparisonOutcome =
  | { status: 'running' | 'cancelled' }
  | { status: 'succeeded'; result: NonNullable<ComparisonRow['result']> }
  | { status: 'failed'; error: PlainError }

/**
 * Moves it on. The first outcome stays: a twin that comes later changes nothing.
 * @returns its row as it is then
 * @throws GraftError `comparison_unknown`
 */
export async function settleComparison(db: Database, id: string, outcome: ComparisonOutcome): Promise<ComparisonRow> {
  const ended = outcome.status === 'running' ? {} : { finished_at: sql`now()` }
  const [row] = await db
    .update(comparisons)
    .set({ ...outcome, ...ended })
    .where(and(eq(comparisons.id, id), inArray(comparisons.status, ['queued', 'running'])))
    .returning()
  return row ?? getComparison(db, id)
}
