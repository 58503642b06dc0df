import { count } from 'drizzle-orm'
import { type TrainingStatus, trainingStatuses } from '../schemas/statuses.ts'
import type { Database } from './database.ts'
import { trainings } from './schema/trainings.ts'

/** How many trainings have each status, those that none has among them. */
export async function countTrainings(db: Database): Promise<Record<TrainingStatus, number>> {
  const rows = await db.select({ status: trainings.status, count: count() }).from(trainings).groupBy(trainings.status)
  const counts = Object.fromEntries(trainingStatuses.map((status) => [status, 0])) as Record<TrainingStatus, number>
  for (const { status, count } of rows) counts[status] = count
  return counts
}
