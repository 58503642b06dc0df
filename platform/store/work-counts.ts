import { and, count, eq, type SQL, sql } from 'drizzle-orm'
import { type TrainingStatus, trainingStatuses } from '../schemas/statuses.ts'
import type { Database } from './database.ts'
import { comparisons } from './schema/comparisons.ts'
import { evaluations } from './schema/evaluations.ts'
import { trainingEvents } from './schema/training-events.ts'
import { trainings } from './schema/trainings.ts'

/** The work of each kind. */
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

/** Selects how many seconds the oldest work of each kind has waited for a worker. 0 if none waits. */
export async function selectOldestWaitingSeconds(db: Database): Promise<WaitingCounts> {
  const secondsSince = (time: SQL) =>
    sql<number>`coalesce(extract(epoch from now() - min(${time})), 0)::double precision`
  const selectOldest = async (table: typeof evaluations | typeof comparisons): Promise<number> => {
    const seconds = secondsSince(sql`${table.created_at}`)
    const [row] = await db.select({ seconds }).from(table).where(eq(table.status, 'queued'))
    return row.seconds
  }
  // A training waits again after each slice. Its last event is that it was queued.
  const [training] = await db
    .select({ seconds: secondsSince(sql`${trainingEvents.created_at}`) })
    .from(trainings)
    .innerJoin(
      trainingEvents,
      and(eq(trainingEvents.training_id, trainings.id), eq(trainingEvents.number, trainings.last_event)),
    )
    .where(eq(trainings.status, 'queued'))
  return {
    trainings: training.seconds,
    evaluations: await selectOldest(evaluations),
    comparisons: await selectOldest(comparisons),
  }
}

/** Counts the work of one owner that no worker has claimed yet. */
export async function countWaitingOf(db: Database, owner: string): Promise<number> {
  const counts = [trainings, evaluations, comparisons].map((table) =>
    db.$count(table, and(eq(table.status, 'queued'), eq(table.owner, owner))),
  )
  return (await Promise.all(counts)).reduce((sum, n) => sum + n, 0)
}

/** Counts the trainings of each status, including the statuses that no training has. */
export async function countTrainings(db: Database): Promise<Record<TrainingStatus, number>> {
  const rows = await db.select({ status: trainings.status, count: count() }).from(trainings).groupBy(trainings.status)
  const counts = Object.fromEntries(trainingStatuses.map((status) => [status, 0])) as Record<TrainingStatus, number>
  for (const { status, count } of rows) counts[status] = count
  return counts
}
