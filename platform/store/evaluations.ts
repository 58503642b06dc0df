import { and, eq } from 'drizzle-orm'
import type { PageRequest } from '../schemas/common.ts'
import type { Database } from './database.ts'
import { type Page, pageQuery } from './page.ts'
import { evaluations } from './schema/evaluations.ts'
import type { ShortWorkRow } from './short-work.ts'

export type EvaluationRow = ShortWorkRow<'evaluation'>
export type NewEvaluation = Pick<
  typeof evaluations.$inferInsert,
  'id' | 'owner' | 'adapter_id' | 'digest' | 'dataset_id'
>

export async function insertEvaluation(db: Database, evaluation: NewEvaluation): Promise<EvaluationRow> {
  const [row] = await db.insert(evaluations).values(evaluation).returning()
  return row
}

export async function selectEvaluationPage(
  db: Database,
  { adapter_id, ...request }: PageRequest & { adapter_id?: string } = {},
): Promise<Page<EvaluationRow>> {
  const { isAfterCursor, order, limit, toPage } = pageQuery(evaluations.id, request)
  const hasAdapter = adapter_id === undefined ? undefined : eq(evaluations.adapter_id, adapter_id)
  return toPage(await db.select().from(evaluations).where(and(isAfterCursor, hasAdapter)).orderBy(order).limit(limit))
}
