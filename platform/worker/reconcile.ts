import { GraftError, toPlain } from '../../core/errors.ts'
import { listUnsettled, type ShortWorkKind, settleShortWork, shortWorkKinds } from '../store/short-work.ts'
import { listQueued, listSilent, type TrainingRow } from '../store/trainings.ts'
import { requeueOrFail } from './retries.ts'
import type { WorkerOptions } from './worker-options.ts'

type Tools = Pick<WorkerOptions, 'store' | 'queue'>

/** Seconds without a word after which a worker counts as lost. */
const SILENCE = 8

/** Gives trainings whose workers are lost back to the queue. Several may do it at once. */
export async function requeueStalled({ store, queue }: Tools): Promise<void> {
  // The embedded database has one process: what was told before this one began was told by one that is gone.
  const seconds = store.client.kind === 'embedded' ? Math.min(SILENCE, process.uptime()) : SILENCE
  for (const row of await listSilent(store.db, seconds))
    await requeueOrFail({ store, queue }, row, workerLost(row)).catch((error) => {
      if (!(error instanceof GraftError && error.code === 'training_superseded')) throw error
    })
}

function workerLost({ id, worker, heartbeat_at }: TrainingRow): GraftError {
  return new GraftError('training_failed', {
    subject: `the worker ${worker}, which had the training ${id}`,
    expected: 'a sign of life every 2 seconds',
    found: `none since ${heartbeat_at?.toISOString()}`,
    fix: 'Look at what ended that process.',
  })
}

/** Writes a job for each training and each piece of short work that waits for one. Where there is one already, none is added. */
export async function enqueueMissing({ store, queue }: Tools): Promise<void> {
  for (const id of await listQueued(store.db)) await queue.ensure('training', id)
  for (const kind of shortWorkKinds)
    for (const id of await listUnsettled(store.db, kind)) {
      if (!(await queue.isExhausted(kind, id))) await queue.ensure(kind, id)
      else await settleShortWork(store.db, kind, id, { status: 'failed', error: toPlain(shortWorkLost(kind, id)) })
    }
}

const shortWorkLost = (kind: ShortWorkKind, id: string): GraftError =>
  new GraftError(`${kind}_failed`, {
    subject: `${kind} ${id}`,
    expected: 'a worker that ends it',
    found: 'workers that were lost with it, one after the other',
    fix: 'Look at what ended those processes.',
  })
