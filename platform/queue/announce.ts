import type { PlainError } from '../../core/errors.ts'
import type { Database } from '../store/database.ts'
import type { ShortWorkKind, ShortWorkRow } from '../store/short-work.ts'
import type { TrainingRow } from '../store/trainings.ts'
import { insertDeliveries } from '../store/webhooks.ts'
import type { JobQueue } from './queue.ts'

// A message to a webhook is written in the transaction that ends the work: there is one for each end, and none for an
// end that was rolled back.

type Enqueue = Pick<JobQueue, 'enqueueDelivery'>

/** Sends the webhooks a message if a training has ended. */
export async function announceTraining(tx: Database, queue: Enqueue, row: TrainingRow): Promise<void> {
  const { id, name, status, dataset_id: dataset, adapter_id: adapter, error } = row
  if (status !== 'succeeded' && status !== 'failed' && status !== 'cancelled') return
  const data = {
    ...{ id, status, dataset },
    ...(name && { name }),
    ...(adapter && { adapter }),
    ...(error && { error: toPublicError(error) }),
  }
  await enqueue(tx, queue, await insertDeliveries(tx, `training.${status}`, data))
}

/** Sends the webhooks a message if an evaluation or a comparison has ended. */
export async function announceShortWork<K extends ShortWorkKind>(
  tx: Database,
  queue: Enqueue,
  kind: K,
  row: ShortWorkRow<K>,
): Promise<void> {
  const { id, status, dataset_id: dataset, error } = row
  if (status !== 'succeeded' && status !== 'failed') return
  const data = {
    ...{ id, status, dataset },
    ...('adapter_id' in row && { adapter: row.adapter_id }),
    ...('adapters' in row && { adapters: row.adapters }),
    ...('pipelines' in row && row.pipelines.length > 0 && { pipelines: row.pipelines }),
    ...('result' in row && row.result && { verdict: row.result.verdict }),
    ...(error && { error: toPublicError(error) }),
  }
  await enqueue(tx, queue, await insertDeliveries(tx, `${kind}.${status}`, data))
}

/** Returns what a third party may know of an error. Its detail names data sets and lines. */
const toPublicError = ({ code, title }: PlainError) => ({ code, title })

async function enqueue(tx: Database, queue: Enqueue, ids: readonly string[]): Promise<void> {
  for (const id of ids) await queue.enqueueDelivery(tx, id)
}
