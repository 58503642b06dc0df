import type { Caller, Platform } from '../platform.ts'
import type { Evaluation, EvaluationList, EvaluationQuery, EvaluationRequest } from '../schemas/evaluations.ts'
import { getAdapter } from '../store/adapters.ts'
import type { Database } from '../store/database.ts'
import { takeDataset } from '../store/datasets.ts'
import * as rows from '../store/evaluations.ts'
import { getShortWork } from '../store/short-work.ts'
import { requireKnownLabels } from './labels.ts'
import { perKey } from './per-key.ts'
import { requireRoom } from './queue-limit.ts'
import { shownEvaluation } from './to-api.ts'

/**
 * Queues the measurement of an adapter on a data set.
 * @param key the same key with the same request answers with the first evaluation
 * @throws GraftError `adapter_unknown`, `dataset_unknown`, `data_label`, `queue_full`, `idempotency_conflict`
 */
export async function createEvaluation(
  platform: Platform,
  request: EvaluationRequest,
  caller: Caller,
  key?: string,
): Promise<Evaluation> {
  const { store, queue } = platform
  const create = async (tx: Database) => {
    const adapter = await getAdapter(tx, request.adapter)
    const dataset = await takeDataset(tx, request.dataset)
    requireKnownLabels(dataset, adapter.labels, `the adapter ${adapter.name}`)
    const row = { adapter_id: adapter.id, digest: adapter.digest, dataset_id: dataset.id }
    const { id } = await rows.createEvaluation(tx, row)
    await queue.queueShortWork(tx, 'evaluation', id)
    return id
  }
  await requireRoom(platform)
  const id = await perKey(store, { caller, operation: 'create_evaluation', key, request }, create)
  return getEvaluation(platform, id)
}

/** @throws GraftError `evaluation_unknown` */
export async function getEvaluation({ store }: Platform, id: string): Promise<Evaluation> {
  return shownEvaluation(await getShortWork(store.db, 'evaluation', id))
}

/** The newest first. @throws GraftError `adapter_unknown` */
export async function listEvaluations(
  { store }: Platform,
  { adapter, ...request }: EvaluationQuery = {},
): Promise<EvaluationList> {
  const adapter_id = adapter === undefined ? undefined : (await getAdapter(store.db, adapter)).id
  const page = await rows.listEvaluations(store.db, { ...request, adapter_id })
  return { ...page, data: page.data.map(shownEvaluation) }
}
