import { and, eq, inArray, sql } from 'drizzle-orm'
import type { PlainError } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'
import type { Metrics } from '../../training/metrics.ts'
import type { Database } from './database.ts'
import { type Page, type PageRequest, pageOf } from './page.ts'
import { unknown } from './refusals.ts'
import { evaluations } from './schema/evaluations.ts'

export type EvaluationRow = typeof evaluations.$inferSelect
export type NewEvaluation = Pick<typeof evaluations.$inferInsert, 'id' | 'adapter_id' | 'digest' | 'dataset_id'>

export async function createEvaluation(db: Database, evaluation: NewEvaluation): Promise<EvaluationRow> {
  const [row] = await db.insert(evaluations).values(evaluation).returning()
  return row
}

/** @throws GraftError `evaluation_unknown` */
export async function getEvaluation(db: Database, id: string): Promise<EvaluationRow> {
  const [row] = isUuid(id) ? await db.select().from(evaluations).where(eq(evaluations.id, id)) : []
  return row ?? unknown('evaluation', id)
}

export async function listEvaluations(
  db: Database,
  { adapter_id, ...request }: PageRequest & { adapter_id?: string } = {},
): Promise<Page<EvaluationRow>> {
  const { before, order, take, page } = pageOf(evaluations.id, request)
  const ofAdapter = adapter_id === undefined ? undefined : eq(evaluations.adapter_id, adapter_id)
  return page(await db.select().from(evaluations).where(and(before, ofAdapter)).orderBy(order).limit(take))
}

/** What becomes of a short piece of work. */
export type EvaluationOutcome =
  | { status: 'running' | 'cancelled' }
  | { status: 'succeeded'; metrics: Metrics }
  | { status: 'failed'; error: PlainError }

/**
 * Moves it on. The first outcome stays: a twin that comes later changes nothing.
 * @returns its row as it is then
 * @throws GraftError `evaluation_unknown`
 */
export async function settleEvaluation(db: Database, id: string, outcome: EvaluationOutcome): Promise<EvaluationRow> {
  const ended = outcome.status === 'running' ? {} : { finished_at: sql`now()` }
  const [row] = await db
    .update(evaluations)
    .set({ ...outcome, ...ended })
    .where(and(eq(evaluations.id, id), inArray(evaluations.status, unsettled)))
    .returning()
  return row ?? getEvaluation(db, id)
}

/** The ids of those that have not ended. */
export async function listUnsettled(db: Database): Promise<string[]> {
  const rows = await db.select({ id: evaluations.id }).from(evaluations).where(inArray(evaluations.status, unsettled))
  return rows.map(({ id }) => id)
}

const unsettled = ['queued', 'running'] as const
