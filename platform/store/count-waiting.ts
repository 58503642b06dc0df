import { eq } from 'drizzle-orm'
import type { Database } from './database.ts'
import { comparisons } from './schema/comparisons.ts'
import { evaluations } from './schema/evaluations.ts'
import { trainings } from './schema/trainings.ts'

export interface Waiting {
  trainings: number
  evaluations: number
  comparisons: number
}

/** What no worker has taken yet. */
export async function countWaiting(db: Database): Promise<Waiting> {
  return {
    trainings: await db.$count(trainings, eq(trainings.status, 'queued')),
    evaluations: await db.$count(evaluations, eq(evaluations.status, 'queued')),
    comparisons: await db.$count(comparisons, eq(comparisons.status, 'queued')),
  }
}
