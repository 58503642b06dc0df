import type { PageRequest } from '../schemas/common.ts'
import type { Database } from './database.ts'
import { type Page, pageQuery } from './page.ts'
import { comparisons } from './schema/comparisons.ts'
import type { ShortWorkRow } from './short-work.ts'

export type ComparisonRow = ShortWorkRow<'comparison'>
export type NewComparison = Pick<
  typeof comparisons.$inferInsert,
  'id' | 'owner' | 'adapters' | 'pipelines' | 'dataset_id'
>

/** @param comparison of at least two adapters, or one and a pipeline */
export async function insertComparison(db: Database, comparison: NewComparison): Promise<ComparisonRow> {
  const [row] = await db.insert(comparisons).values(comparison).returning()
  return row
}

export async function selectComparisonPage(db: Database, request: PageRequest = {}): Promise<Page<ComparisonRow>> {
  const { isAfterCursor, order, limit, toPage } = pageQuery(comparisons.id, request)
  return toPage(await db.select().from(comparisons).where(isAfterCursor).orderBy(order).limit(limit))
}
