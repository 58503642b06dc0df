import { eq } from 'drizzle-orm'
import type { Database } from './database.ts'
import { evaluations } from './schema/evaluations.ts'
import { trainings } from './schema/trainings.ts'

/** Trainings and evaluations that no worker has taken yet. */
export async function countWaiting(db: Database): Promise<{ trainings: number; evaluations: number }> {
  return {
    trainings: await db.$count(trainings, eq(trainings.status, 'queued')),
    evaluations: await db.$count(evaluations, eq(evaluations.status, 'queued')),
  }
}
