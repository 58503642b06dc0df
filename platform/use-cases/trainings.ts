import { ledger } from '../../model/parameter-count.ts'
import { parseTrainingSpec } from '../../training/spec.ts'
import type { Caller, Platform } from '../platform.ts'
import type { Training, TrainingList, TrainingQuery, TrainingRequest } from '../schemas/trainings.ts'
import { getBase } from '../store/bases.ts'
import type { Database } from '../store/database.ts'
import { takeDataset } from '../store/datasets.ts'
import type { StoredSpec } from '../store/schema/trainings.ts'
import { pauseTraining as pause, resumeTraining as resume, transitionTraining } from '../store/training-transitions.ts'
import * as rows from '../store/trainings.ts'
import { requireKnownLabels, requireTwoLabels } from './labels.ts'
import { perKey } from './per-key.ts'
import { requireRoom } from './queue-limit.ts'
import { shownTraining } from './to-api.ts'

/**
 * Queues a training.
 * @param key the same key with the same request answers with the first training, and starts nothing
 * @throws GraftError `base_unknown`, `dataset_unknown`, `data_classes`, `data_label`, `method_invalid`, `usage`, `name_taken`, `queue_full`,
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
    const { spec, base, dataset, test } = await resolveTraining(platform, tx, request)
    const { id } = await rows.createTraining(tx, {
      name: request.name,
      base_id: base.id,
      dataset_id: dataset.id,
      test_dataset_id: test?.id,
      spec,
      metadata: request.metadata,
    })
    await queue.queueTraining(tx, id)
    return id
  }
  await requireRoom(platform)
  const id = await perKey(store, { caller, operation: 'launch_training', key, request }, launch)
  return getTraining(platform, id)
}

/**
 * What a request for a training speaks of, checked as far as rows tell.
 * @throws GraftError as {@link launchTraining}
 */
export async function resolveTraining({ base: served }: Platform, db: Database, request: TrainingRequest) {
  const { name: _, metadata: __, base: baseName, dataset: dataName, test_dataset: testName, ...settings } = request
  const spec = storedSpec(settings)
  const base = await getBase(db, baseName ?? served.id)
  // Refuses a method that does not fit the base.
  ledger(spec.method, base.shape)
  const dataset = await takeDataset(db, dataName)
  requireTwoLabels(dataset)
  const test = testName === undefined ? undefined : await takeDataset(db, testName, 'test_dataset')
  if (test) requireKnownLabels(test, Object.keys(dataset.labels), `the data set ${dataset.name}`)
  return { spec, base, dataset, test }
}

/** All that decides a training but its files, with defaults filled in. */
function storedSpec(settings: Readonly<Record<string, unknown>>): StoredSpec {
  const { base: _, data: __, test: ___, out: ____, ...spec } = parseTrainingSpec({ ...settings, data: '', out: '' })
  return spec
}

/** @throws GraftError `training_unknown` */
export async function getTraining({ store }: Platform, idOrName: string): Promise<Training> {
  return shownTraining(await rows.findTraining(store.db, idOrName))
}

/** The newest first. */
export async function listTrainings(
  { store }: Platform,
  { status, ...request }: TrainingQuery = {},
): Promise<TrainingList> {
  const page = await rows.listTrainings(store.db, { ...request, status: status && [status] })
  return { ...page, data: page.data.map(shownTraining) }
}

/**
 * Ends a training that has not ended.
 * @param keyed with the same key it is ended once, however often that is asked
 * @throws GraftError `training_unknown`, `training_status_conflict`, `idempotency_conflict`
 */
export async function cancelTraining(
  platform: Platform,
  idOrName: string,
  keyed?: { caller: Caller; key: string },
): Promise<Training> {
  const { store } = platform
  const cancel = async (tx: Database) => {
    const { id } = await rows.findTraining(tx, idOrName)
    await transitionTraining(tx, id, 'cancelled')
    return id
  }
  const work = keyed && { ...keyed, operation: 'cancel_training', request: { training: idOrName } }
  return getTraining(platform, await (work ? perKey(store, work, cancel) : store.transaction(cancel)))
}

/** @throws GraftError `training_unknown`, `training_status_conflict` where it has ended */
export async function pauseTraining({ store }: Platform, idOrName: string): Promise<Training> {
  const { id } = await rows.findTraining(store.db, idOrName)
  return shownTraining(await pause(store.db, id))
}

/** @throws GraftError `training_unknown`, `training_status_conflict` where it has ended */
export async function resumeTraining({ store, queue }: Platform, idOrName: string): Promise<Training> {
  const { id } = await rows.findTraining(store.db, idOrName)
  const row = await store.transaction(async (tx) => {
    const { training, queued } = await resume(tx, id)
    if (queued) await queue.queueTraining(tx, id)
    return training
  })
  return shownTraining(row)
}
