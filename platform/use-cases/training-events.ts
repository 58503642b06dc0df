import { unlessAborted } from '../../core/unless-aborted.ts'
import type { Platform } from '../platform.ts'
import type { TrainingEventAnswer } from '../schemas/trainings.ts'
import { selectEvents, selectNewestEvents } from '../store/training-events.ts'
import { selectTraining } from '../store/trainings.ts'
import { pollTrainingRow, sharePoll } from './poll.ts'
import { toTrainingEvent } from './to-api.ts'

/** The maximum number of events read by one query. */
const PAGE_SIZE = 500

/**
 * Yields the events of a training, the past ones first, until the training has finished or `signal` aborts.
 * @param after the number of the last event that the caller has, 0 for all
 * @throws GraftError `training_unknown`
 */
export async function* streamTrainingEvents(
  platform: Platform,
  idOrName: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<TrainingEventAnswer> {
  const { db } = platform.store
  // The row is read before the events, so that none is missed: a finished training gets no more events.
  let training = await selectTraining(db, idOrName)
  const { id } = training
  const selectAfter = (last: number) =>
    sharePoll(db, `events ${id} ${last}`, () => selectEvents(db, id, last, PAGE_SIZE), 0)
  for (let last = after; !signal.aborted; ) {
    const rows = training.last_event > last ? await selectAfter(last) : []
    for (const row of rows) {
      yield toTrainingEvent(row)
      last = row.number
    }
    if (rows.length > 0) continue
    if (training.finished_at !== null) return
    try {
      training = await unlessAborted(pollTrainingRow(platform, id), signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}

/**
 * Lists the events so far, at most 500, oldest first.
 * @throws GraftError `training_unknown`
 */
export async function listTrainingEvents(
  { store }: Platform,
  idOrName: string,
  after = 0,
): Promise<TrainingEventAnswer[]> {
  const { id } = await selectTraining(store.db, idOrName)
  return (await selectEvents(store.db, id, after, PAGE_SIZE)).map(toTrainingEvent)
}

/** The largest number that the column can store. */
const MAX_EVENT_NUMBER = 2 ** 31 - 1

/**
 * Lists events, newest first. If `before` is set, only those with lower numbers.
 * @returns the training's id, the events, and whether there are older ones
 * @throws GraftError `training_unknown`
 */
export async function listNewestTrainingEvents(
  { store }: Platform,
  idOrName: string,
  { before = MAX_EVENT_NUMBER, limit }: { before?: number; limit: number },
): Promise<{ id: string; data: TrainingEventAnswer[]; more: boolean }> {
  const { id } = await selectTraining(store.db, idOrName)
  const rows = await selectNewestEvents(store.db, id, Math.min(before, MAX_EVENT_NUMBER), limit + 1)
  return { id, data: rows.slice(0, limit).map(toTrainingEvent), more: rows.length > limit }
}
