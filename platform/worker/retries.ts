import { describeProblem, GraftError, type PlainError, toPlain } from '../../core/errors.ts'
import type { Jobs } from '../queue/queue.ts'
import type { Store } from '../store/store.ts'
import { moveTraining } from '../store/training-transitions.ts'
import { lockTraining, type TrainingRow } from '../store/trainings.ts'
import type { Told } from './recorder.ts'

/** Losses in a row, without a state saved between them, after which a training is given up. */
const MOST_LOSSES = 5

/** Seconds to wait after so many losses in a row. */
const backOff = (losses: number): number => Math.min(2 ** (losses - 1), 60)

/**
 * Whether another attempt may go better. What the caller asked for wrongly fails again; what the machine, the database or a process
 * failed of may not. The status says which.
 */
export const isPassing = ({ status }: PlainError): boolean => status >= 500

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
 * @param fence of the worker that had it
 * @throws GraftError `training_superseded` where somebody else has dealt with it
 */
export function loseTraining(
  { store, jobs }: { store: Store; jobs: Jobs },
  { id, fence }: Pick<TrainingRow, 'id' | 'fence'>,
  error: unknown,
  told: Told = { report: {}, events: [] },
): Promise<TrainingRow> {
  const cause = toPlain(error)
  return store.transaction(async (tx) => {
    const { losses } = await lockTraining(tx, id)
    // What is told with this may hold a state that was saved since the last loss.
    const lost = told.report.state ? 1 : losses + 1
    if (!isPassing(cause)) return moveTraining(tx, id, 'failed', { fence, error: cause, ...told })
    if (lost > MOST_LOSSES) return moveTraining(tx, id, 'failed', { fence, error: givenUp(id, lost, cause), ...told })
    const row = await moveTraining(tx, id, 'queued', { fence, lost: cause, ...told })
    if (row.status === 'queued') await jobs.queueTraining(tx, id, { afterSeconds: backOff(lost), first: true })
    return row
  })
}

const givenUp = (id: string, losses: number, cause: PlainError): PlainError =>
  toPlain(
    new GraftError('training_failed', {
      subject: `training ${id}`,
      problem: `failed ${losses} times in a row, most recently because: ${describeProblem(cause).slice(0, -1)}`,
      fix: cause.fix,
    }),
  )
