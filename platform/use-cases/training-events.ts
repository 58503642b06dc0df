import { setTimeout as sleep } from 'node:timers/promises'
import type { Platform } from '../platform.ts'
import type { TrainingEventAnswer } from '../schemas/trainings.ts'
import { listEvents, listNewestEvents } from '../store/training-events.ts'
import { findTraining, getTraining } from '../store/trainings.ts'
import { shownEvent } from './to-api.ts'

/** Milliseconds between looks for new events. */
const EVERY = 500

/** Events read at a time. */
const PAGE = 500

/**
 * What happened in a training, and what happens until it ends or `signal` says enough.
 * @param after the number of the last event that is known, 0 for all
 * @throws GraftError `training_unknown`
 */
export async function* trainingEvents(
  { store }: Platform,
  idOrName: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<TrainingEventAnswer> {
  const { id } = await findTraining(store.db, idOrName)
  for (let last = after; !signal.aborted; ) {
    // Before its events: what comes after its end is not looked for, and what comes before is not missed.
    const { finished_at } = await getTraining(store.db, id)
    const rows = await listEvents(store.db, id, last, PAGE)
    for (const row of rows) {
      yield shownEvent(row)
      last = row.number
    }
    if (rows.length > 0) continue
    if (finished_at !== null) return
    await sleep(EVERY, undefined, { signal }).catch(() => {})
  }
}

/** Those that are known now. @throws GraftError `training_unknown` */
export async function listTrainingEvents(
  { store }: Platform,
  idOrName: string,
  after = 0,
): Promise<TrainingEventAnswer[]> {
  const { id } = await findTraining(store.db, idOrName)
  return (await listEvents(store.db, id, after, PAGE)).map(shownEvent)
}

/** A training has no more events than this. */
const ALL = 2 ** 31 - 1

/**
 * The newest first, those before one that is known.
 * @returns the training's id, and whether there are more
 * @throws GraftError `training_unknown`
 */
export async function newestTrainingEvents(
  { store }: Platform,
  idOrName: string,
  { before = ALL, limit }: { before?: number; limit: number },
): Promise<{ id: string; data: TrainingEventAnswer[]; more: boolean }> {
  const { id } = await findTraining(store.db, idOrName)
  const rows = await listNewestEvents(store.db, id, Math.min(before, ALL), limit + 1)
  return { id, data: rows.slice(0, limit).map(shownEvent), more: rows.length > limit }
}
