import { count, eq } from 'drizzle-orm'
import { type TrainingStatus, trainingStatuses } from '../schemas/statuses.ts'
import type { Database } from './database.ts'
import { comparisons } from './schema/comparisons.ts'
import { evaluations } from './schema/evaluations.ts'
import { trainings } from './schema/trainings.ts'

export interface WaitingCounts {
  trainings: number
  evaluations: number
  comparisons: number
}

/** Counts the work that no worker has claimed yet. */
export async function countWaiting(db: Database): Promise<WaitingCounts> {
  return {
    trainings: await db.$count(trainings, eq(trainings.status, 'queued')),
    evaluations: await db.$count(evaluations, eq(evaluations.status, 'queued')),
    comparisons: await db.$count(comparisons, eq(comparisons.status, 'queued')),
  }
}

/** Counts the trainings of each status, including the statuses that no training has. */
export async function countTrainings(db: Database): Promise<Record<TrainingStatus, number>> {
  const rows = await db.select({ status: trainings.status, count: count() }).from(trainings).groupBy(trainings.status)
  const counts = Object.fromEntries(trainingStatuses.map((status) => [status, 0])) as Record<TrainingStatus, number>
  for (const { status, count } of rows) counts[status] = count
  return counts
}
