import type { Caller, Platform } from '../platform.ts'
import type { Evaluation, EvaluationList, EvaluationQuery, EvaluationRequest } from '../schemas/evaluations.ts'
import { selectAdapter } from '../store/adapters.ts'
import type { Database } from '../store/database.ts'
import { lockDataset } from '../store/datasets.ts'
import { insertEvaluation, selectEvaluationPage } from '../store/evaluations.ts'
import { idempotent } from '../store/idempotency.ts'
import { selectShortWork } from '../store/short-work.ts'
import { requireKnownLabels } from './labels.ts'
import { requireQueueCapacity } from './queue-limit.ts'
import { toEvaluation } from './to-api.ts'

/**
 * Queues an evaluation of an adapter on a data set.
 * @param key an idempotency key: a repeated request with the same key returns the first evaluation
 * @throws GraftError `adapter_unknown`, `dataset_unknown`, `data_label`, `queue_full`, `disk_full`,
 *   `idempotency_conflict`
 */
export async function createEvaluation(
  platform: Platform,
  request: EvaluationRequest,
  caller: Caller,
  key?: string,
): Promise<Evaluation> {
  const { store, queue } = platform
  const create = async (tx: Database) => {
    const adapter = await selectAdapter(tx, request.adapter)
    const dataset = await lockDataset(tx, request.dataset)
    requireKnownLabels(dataset, adapter.labels, `the adapter ${adapter.name}`)
    const row = { owner: caller.owner, adapter_id: adapter.id, digest: adapter.digest, dataset_id: dataset.id }
    const { id } = await insertEvaluation(tx, row)
    await queue.enqueueShortWork(tx, 'evaluation', id)
    return id
  }
  await requireQueueCapacity(platform, caller)
  const id = await idempotent(store.db, { owner: caller.owner, operation: 'create_evaluation', key, request }, create)
  return getEvaluation(platform, id)
}

/** @throws GraftError `evaluation_unknown` */
export async function getEvaluation({ store }: Platform, id: string): Promise<Evaluation> {
  return toEvaluation(await selectShortWork(store.db, 'evaluation', id))
}

/**
 * Lists evaluations, newest first.
 * @throws GraftError `adapter_unknown`
 */
export async function listEvaluations(
  { store }: Platform,
  { adapter, ...request }: EvaluationQuery = {},
): Promise<EvaluationList> {
  const adapter_id = adapter === undefined ? undefined : (await selectAdapter(store.db, adapter)).id
  const page = await selectEvaluationPage(store.db, { ...request, adapter_id })
  return { ...page, data: page.data.map(toEvaluation) }
}
