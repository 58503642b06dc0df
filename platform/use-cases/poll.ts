import { setTimeout as sleep } from 'node:timers/promises'
import type { Platform } from '../platform.ts'
import type { Comparison } from '../schemas/comparisons.ts'
import type { Evaluation } from '../schemas/evaluations.ts'
import type { Training } from '../schemas/trainings.ts'
import type { Database } from '../store/database.ts'
import { selectTrainingById, type TrainingRow } from '../store/trainings.ts'
import { getComparison } from './comparisons.ts'
import { getEvaluation } from './evaluations.ts'
import { toTraining } from './to-api.ts'

/** The time between two polls of the same work. */
const POLL_INTERVAL_MS = 500

/** The polls of each database that have not returned. */
const polls = new WeakMap<Database, Map<string, Promise<unknown>>>()

/**
 * Runs a query after a while. All that wait for the same thing share one query, however many they are.
 * @param key names the thing
 */
export function sharePoll<T>(db: Database, key: string, query: () => Promise<T>, afterMs: number): Promise<T> {
  const due = polls.get(db) ?? new Map<string, Promise<unknown>>()
  polls.set(db, due)
  if (due.has(key)) return due.get(key) as Promise<T>
  const poll = sleep(afterMs, undefined, { ref: false }).then(() => {
    due.delete(key)
    return query()
  })
  // All that wait may have left before it fails.
  poll.catch(() => {})
  due.set(key, poll)
  return poll
}

/** Returns the row of a training as the next poll finds it. @throws GraftError `training_unknown` */
export const pollTrainingRow = ({ store: { db } }: Pick<Platform, 'store'>, id: string): Promise<TrainingRow> =>
  sharePoll(db, `training ${id}`, () => selectTrainingById(db, id), POLL_INTERVAL_MS)

/** Returns a training as the next poll finds it. @throws GraftError `training_unknown` */
export const pollTraining = async (platform: Platform, id: string): Promise<Training> =>
  toTraining(await pollTrainingRow(platform, id))

/** Returns a comparison as the next poll finds it. @throws GraftError `comparison_unknown` */
export const pollComparison = (platform: Platform, id: string): Promise<Comparison> =>
  sharePoll(platform.store.db, `comparison ${id}`, () => getComparison(platform, id), POLL_INTERVAL_MS)

/** Returns an evaluation as the next poll finds it. @throws GraftError `evaluation_unknown` */
export const pollEvaluation = (platform: Platform, id: string): Promise<Evaluation> =>
  sharePoll(platform.store.db, `evaluation ${id}`, () => getEvaluation(platform, id), POLL_INTERVAL_MS)
