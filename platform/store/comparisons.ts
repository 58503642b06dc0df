import type { Database } from './database.ts'
import { type Page, type PageRequest, pageOf } from './page.ts'
import { comparisons } from './schema/comparisons.ts'
import type { ShortWorkRow } from './short-work.ts'

export type ComparisonRow = ShortWorkRow<'comparison'>
export type NewComparison = Pick<typeof comparisons.$inferInsert, 'id' | 'adapters' | 'dataset_id'>

/** @param comparison of two adapters at least */
export async function createComparison(db: Database, comparison: NewComparison): Promise<ComparisonRow> {
  const [row] = await db.insert(comparisons).values(comparison).returning()
  return row
}

export async function listComparisons(db: Database, request: PageRequest = {}): Promise<Page<ComparisonRow>> {
  const { before, order, take, page } = pageOf(comparisons.id, request)
  return page(await db.select().from(comparisons).where(before).orderBy(order).limit(take))
}
