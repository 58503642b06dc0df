import { GraftError } from '../../core/errors.ts'
import { toPlain } from '../../core/to-plain.ts'
import { announceShortWork } from '../queue/announce.ts'
import { type ShortWorkKind, selectUnfinishedShortWork, shortWorkKinds, updateShortWork } from '../store/short-work.ts'
import { selectQueuedIds, selectStalled, type TrainingRow } from '../store/trainings.ts'
import { selectPendingDeliveryIds } from '../store/webhooks.ts'
import { requeueOrFail } from './retries.ts'
import type { WorkerOptions } from './worker-options.ts'

type StoreAndQueue = Pick<WorkerOptions, 'store' | 'queue'>

/** Seconds without a heartbeat after which a worker counts as stalled. */
const STALLED_AFTER_SECONDS = 8

/** Requeues the trainings of stalled workers. Several processes may do this at once. */
export async function requeueStalled({ store, queue }: StoreAndQueue): Promise<void> {
  // A database of PGlite belongs to one process: a heartbeat from before this process started came from a process that
  // is gone.
  const seconds =
    store.client.kind === 'pglite' ? Math.min(STALLED_AFTER_SECONDS, process.uptime()) : STALLED_AFTER_SECONDS
  for (const row of await selectStalled(store.db, seconds))
    await requeueOrFail({ store, queue }, row, workerStalled(row)).catch((error) => {
      if (!(error instanceof GraftError && error.code === 'training_superseded')) throw error
    })
}

function workerStalled({ id, worker, heartbeat_at }: TrainingRow): GraftError {
  return new GraftError('training_failed', {
    subject: `the worker ${worker}`,
    problem: `has sent no heartbeat for training ${id} since ${heartbeat_at?.toISOString()}`,
    fix: 'Find out why the worker stopped.',
  })
}

/** Adds a job for each training, evaluation, comparison and delivery that waits for a worker and has no job. */
export async function enqueueMissing({ store, queue }: StoreAndQueue): Promise<void> {
  for (const id of await selectQueuedIds(store.db)) await queue.ensure('training', id)
  for (const kind of shortWorkKinds)
    for (const id of await selectUnfinishedShortWork(store.db, kind)) {
      if (!(await queue.isExhausted(kind, id))) await queue.ensure(kind, id)
      else
        await store.transaction(async (tx) => {
          const error = toPlain(attemptsExhausted(kind, id))
          const failed = await updateShortWork(tx, kind, id, { status: 'failed', error })
          if (failed) await announceShortWork(tx, queue, kind, failed)
        })
    }
  for (const id of await selectPendingDeliveryIds(store.db)) await queue.ensure('delivery', id)
}

const attemptsExhausted = (kind: ShortWorkKind, id: string): GraftError =>
  new GraftError(`${kind}_failed`, {
    subject: `${kind} ${id}`,
    problem: 'was given up because its worker stopped during every attempt',
    fix: 'Find out why the workers stopped.',
  })
