import { and, eq } from 'drizzle-orm'
import type { Database } from './database.ts'
import { type Page, type PageRequest, pageOf } from './page.ts'
import { evaluations } from './schema/evaluations.ts'
import type { ShortWorkRow } from './short-work.ts'

export type EvaluationRow = ShortWorkRow<'evaluation'>
export type NewEvaluation = Pick<typeof evaluations.$inferInsert, 'id' | 'adapter_id' | 'digest' | 'dataset_id'>

export async function createEvaluation(db: Database, evaluation: NewEvaluation): Promise<EvaluationRow> {
  const [row] = await db.insert(evaluations).values(evaluation).returning()
  return row
}

export async function listEvaluations(
  db: Database,
  { adapter_id, ...request }: PageRequest & { adapter_id?: string } = {},
): Promise<Page<EvaluationRow>> {
  const { before, order, take, page } = pageOf(evaluations.id, request)
  const ofAdapter = adapter_id === undefined ? undefined : eq(evaluations.adapter_id, adapter_id)
  return page(await db.select().from(evaluations).where(and(before, ofAdapter)).orderBy(order).limit(take))
}
