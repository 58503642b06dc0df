import { describeProblem, GraftError, type PlainError, toPlain } from '../../core/errors.ts'
import type { JobQueue } from '../queue/queue.ts'
import type { Store } from '../store/store.ts'
import { transitionTraining } from '../store/training-transitions.ts'
import { lockTraining, type TrainingRow } from '../store/trainings.ts'
import type { PendingWrites } from './recorder.ts'

/** Losses in a row, without a state saved between them, after which a training is given up. */
const MOST_LOSSES = 5

/** Seconds to wait after so many failed_attempts in a row. */
const backOff = (failed_attempts: number): number => Math.min(2 ** (failed_attempts - 1), 60)

/**
 * Whether another attempt may go better. What the caller asked for wrongly fails again; what the machine, the database or a process
 * failed of may not. The status says which.
 */
export const isTransient = ({ status }: PlainError): boolean => status >= 500

/** What became of the process that trained, where it does not say itself. */
export function childLost(): GraftError {
  return new GraftError('training_failed', {
    subject: 'the training process',
    expected: 'to run to its end',
    found: 'its end before that',
    fix: 'It may have run out of memory; try fewer threads.',
  })
}

/**
 * Gives back a training that its worker could not go on with: to the queue, or, where that is of no use, as failed of its cause.
 * @param fencing_token of the worker that had it
 * @throws GraftError `training_superseded` where somebody else has dealt with it
 */
export function requeueOrFail(
  { store, queue }: { store: Store; queue: JobQueue },
  { id, fencing_token }: Pick<TrainingRow, 'id' | 'fencing_token'>,
  error: unknown,
  told: PendingWrites = { report: {}, events: [] },
): Promise<TrainingRow> {
  const cause = toPlain(error)
  return store.transaction(async (tx) => {
    const { failed_attempts } = await lockTraining(tx, id)
    // What is told with this may hold a state that was saved since the last loss.
    const lost = told.report.state ? 1 : failed_attempts + 1
    if (!isTransient(cause)) return transitionTraining(tx, id, 'failed', { fencing_token, error: cause, ...told })
    if (lost > MOST_LOSSES)
      return transitionTraining(tx, id, 'failed', { fencing_token, error: givenUp(id, lost, cause), ...told })
    const row = await transitionTraining(tx, id, 'queued', { fencing_token, lost: cause, ...told })
    if (row.status === 'queued') await queue.queueTraining(tx, id, { afterSeconds: backOff(lost), first: true })
    return row
  })
}

const givenUp = (id: string, failed_attempts: number, cause: PlainError): PlainError =>
  toPlain(
    new GraftError('training_failed', {
      subject: `training ${id}`,
      problem: `failed ${failed_attempts} times in a row, most recently because: ${describeProblem(cause).slice(0, -1)}`,
      fix: cause.fix,
    }),
  )
