import { describeProblem, GraftError, type PlainError } from '../../core/errors.ts'
import { toPlain } from '../../core/to-plain.ts'
import { announceTraining } from '../queue/announce.ts'
import type { JobQueue } from '../queue/queue.ts'
import type { Store } from '../store/store.ts'
import { transitionTraining } from '../store/training-transitions.ts'
import { lockTraining, type TrainingRow } from '../store/trainings.ts'
import type { PendingWrites } from './recorder.ts'

/**
 * The maximum number of failed attempts in a row, without a saved state between them, after which a training is
 * retried.
 */
const MAX_FAILED_ATTEMPTS = 5

/** Returns the delay before the next attempt. */
const backoffSeconds = (failed_attempts: number): number => Math.min(2 ** (failed_attempts - 1), 60)

/**
 * Returns whether another attempt may succeed. A bad request fails again; a failure of the machine, the database or a
 * process may not. The status of the error says which it is.
 */
export const isTransient = ({ status }: PlainError): boolean => status >= 500

/**
 * Ends an attempt at a training that failed: requeues the training, or fails it if another attempt is useless.
 * @param fencing_token of the worker that had the training
 * @throws GraftError `training_superseded` if another worker has it by now, or it has ended
 */
export function requeueOrFail(
  { store, queue }: { store: Store; queue: JobQueue },
  { id, fencing_token }: Pick<TrainingRow, 'id' | 'fencing_token'>,
  error: unknown,
  pending: PendingWrites = { patch: {}, events: [] },
): Promise<TrainingRow> {
  const cause = toPlain(error)
  return store.transaction(async (tx) => {
    const row = await lockTraining(tx, id)
    // The pending writes may hold a state that was saved since the last failed attempt.
    const attempts = pending.patch.state ? 1 : row.failed_attempts + 1
    if (!isTransient(cause) || attempts > MAX_FAILED_ATTEMPTS) {
      const error = isTransient(cause) ? lastError(id, attempts, cause) : cause
      const failed = await transitionTraining(tx, id, 'failed', { fencing_token, error, ...pending })
      await announceTraining(tx, queue, failed)
      return failed
    }
    const requeued = await transitionTraining(tx, id, 'queued', { fencing_token, attemptError: cause, ...pending })
    if (requeued.status === 'queued')
      await queue.enqueueTraining(tx, id, { afterSeconds: backoffSeconds(attempts), first: true })
    return requeued
  })
}

/** Returns the error of a training that has no attempts left. */
const lastError = (id: string, attempts: number, cause: PlainError): PlainError =>
  toPlain(
    new GraftError('training_failed', {
      subject: `training ${id}`,
      problem: `failed ${attempts} times in a row; the last error was: ${describeProblem(cause).slice(0, -1)}`,
      fix: cause.fix,
    }),
  )
