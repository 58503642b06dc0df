import { fail } from '../../core/errors.ts'
import { modelOf } from '../../model/architectures.ts'
import { requireServable } from '../../serving/adapter-limits.ts'
import { addAdapterSettings } from '../../training/continue-adapter.ts'
import { parseTrainingSpec } from '../../training/spec.ts'
import type { Caller, Platform } from '../platform.ts'
import { announceTraining } from '../queue/announce.ts'
import type { Training, TrainingList, TrainingQuery, TrainingRequest } from '../schemas/trainings.ts'
import { lockAdapter, selectAdapter } from '../store/adapters.ts'
import { selectBase } from '../store/bases.ts'
import type { Database } from '../store/database.ts'
import { lockDataset } from '../store/datasets.ts'
import { idempotent } from '../store/idempotency.ts'
import type { StoredSpec } from '../store/schema/trainings.ts'
import { endPause, requestPause, transitionTraining } from '../store/training-transitions.ts'
import { insertTraining, selectTraining, selectTrainingPage } from '../store/trainings.ts'
import { requireKnownLabels, requireTrainable } from './labels.ts'
import { requireQueueCapacity } from './queue-limit.ts'
import { toTraining } from './to-api.ts'

/**
 * Queues a training.
 * @param key an idempotency key: a repeated request with the same key returns the first training
 * @throws GraftError `base_unknown`, `base_mismatch`, `adapter_unknown`, `dataset_unknown`, `data_classes`,
 *   `data_label`, `method_invalid`, `adapter_too_large`, `usage`, `name_taken`, `queue_full`, `disk_full`,
 *   `idempotency_conflict`
 */
export async function launchTraining(
  platform: Platform,
  request: TrainingRequest,
  caller: Caller,
  key?: string,
): Promise<Training> {
  const { store, queue } = platform
  const launch = async (tx: Database) => {
    const { spec, base, dataset, test, start } = await resolveTraining(platform, tx, complete)
    const { id } = await insertTraining(tx, {
      owner: caller.owner,
      name: request.name,
      base_id: base.id,
      dataset_id: dataset.id,
      test_dataset_id: test?.id,
      from_adapter_id: start?.id,
      from_artifact: start?.artifact,
      spec,
      metadata: request.metadata,
    })
    await queue.enqueueTraining(tx, id)
    return id
  }
  await requireQueueCapacity(platform, caller)
  const complete = await addStartSettings(platform, request)
  const id = await idempotent(store.db, { owner: caller.owner, operation: 'launch_training', key, request }, launch)
  return getTraining(platform, id)
}

/**
 * Adds the settings of the adapter that a training continues from to its request. This reads the adapter's files, which
 * may take longer than a transaction may.
 * @throws GraftError `adapter_unknown`, `method_invalid`, `artifacts_unavailable`
 */
export async function addStartSettings({ store, cache }: Platform, request: TrainingRequest): Promise<TrainingRequest> {
  if (request.from_adapter === undefined) return request
  const { artifact, base_id } = await selectAdapter(store.db, request.from_adapter, 'from_adapter')
  const model = modelOf(await selectBase(store.db, base_id))
  return (await addAdapterSettings(request, await cache.folder(artifact), model)) as TrainingRequest
}

/**
 * Finds everything that a training request refers to, and validates it as far as the database allows.
 * @throws GraftError like {@link launchTraining}
 */
export async function resolveTraining({ bases: [served], engine }: Platform, db: Database, request: TrainingRequest) {
  const { name: _, metadata: __, base: baseName, dataset, test_dataset, from_adapter, ...settings } = request
  const spec = toStoredSpec(settings)
  const start = from_adapter === undefined ? undefined : await lockAdapter(db, from_adapter, 'from_adapter')
  const base = await selectBase(db, baseName ?? start?.base_id ?? served.id)
  if (start && start.base_id !== base.id)
    fail('base_mismatch', {
      subject: 'from_adapter',
      expected: `an adapter of the base ${base.name}`,
      found: `an adapter of ${start.base}`,
      fix: 'Leave out the base, or continue from another adapter.',
    })
  // Throws also if the method does not fit the base.
  requireServable({ method: spec.method, maxTokens: spec.max_tokens }, modelOf(base), engine.maxTokens, 'the training')
  const data = await lockDataset(db, dataset)
  requireTrainable(data)
  const test = test_dataset === undefined ? undefined : await lockDataset(db, test_dataset, 'test_dataset')
  if (test) requireKnownLabels(test, Object.keys(data.labels), `the data set ${data.name}`)
  return { spec, base, dataset: data, test, start }
}

/** Returns all settings of a training except its files, with defaults filled in. */
function toStoredSpec(settings: Readonly<Record<string, unknown>>): StoredSpec {
  const {
    base: _,
    data: __,
    test: ___,
    out: ____,
    from_adapter: _____,
    ...spec
  } = parseTrainingSpec({ ...settings, data: '', out: '' })
  return spec
}

/** @throws GraftError `training_unknown` */
export async function getTraining({ store }: Platform, idOrName: string): Promise<Training> {
  return toTraining(await selectTraining(store.db, idOrName))
}

/** Lists trainings, newest first. */
export async function listTrainings(
  { store }: Platform,
  { status, ...request }: TrainingQuery & { metadata?: Readonly<Record<string, string>> | null } = {},
): Promise<TrainingList> {
  const page = await selectTrainingPage(store.db, { ...request, status: status && [status] })
  return { ...page, data: page.data.map(toTraining) }
}

/**
 * Cancels a training that has not finished.
 * @param keyed an idempotency key and its owner: with the same key, the training is cancelled only once
 * @throws GraftError `training_unknown`, `training_status_conflict`, `idempotency_conflict`
 */
export async function cancelTraining(
  platform: Platform,
  idOrName: string,
  keyed?: { caller: Caller; key: string },
): Promise<Training> {
  const { store, queue } = platform
  const cancel = async (tx: Database) => {
    const { id } = await selectTraining(tx, idOrName)
    await announceTraining(tx, queue, await transitionTraining(tx, id, 'cancelled'))
    return id
  }
  const work = {
    owner: keyed?.caller.owner ?? '',
    operation: 'cancel_training',
    key: keyed?.key,
    request: { training: idOrName },
  }
  return getTraining(platform, await idempotent(store.db, work, cancel))
}

/** @throws GraftError `training_unknown`, `training_status_conflict` if it has finished */
export async function pauseTraining({ store }: Platform, idOrName: string): Promise<Training> {
  const { id } = await selectTraining(store.db, idOrName)
  return toTraining(await requestPause(store.db, id))
}

/** @throws GraftError `training_unknown`, `training_status_conflict` if it has finished */
export async function resumeTraining({ store, queue }: Platform, idOrName: string): Promise<Training> {
  const { id } = await selectTraining(store.db, idOrName)
  const row = await store.transaction(async (tx) => {
    const { training, queued } = await endPause(tx, id)
    if (queued) await queue.enqueueTraining(tx, id)
    return training
  })
  return toTraining(row)
}
