import { readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadBase } from '../../../checkpoint/base.ts'
import type { ArtifactStorage } from '../../../platform/artifacts/artifacts.ts'
import { packFolder } from '../../../platform/artifacts/pack-folder.ts'
import { type Backend, openBackend } from '../../../platform/open-backend.ts'
import { type BaseRow, ensureBase } from '../../../platform/store/bases.ts'
import type { Database } from '../../../platform/store/database.ts'
import { type DatasetRow, insertDataset, selectDataset } from '../../../platform/store/datasets.ts'
import { insertTraining, type NewTraining, type TrainingRow } from '../../../platform/store/trainings.ts'
import type { WorkerOptions } from '../../../platform/worker/worker-options.ts'
import { readExamples } from '../../../training/data/examples.ts'
import { parseTrainingSpec, type TrainingSpec } from '../../../training/spec.ts'
import type { Place } from '../../contract/store/embedded.ts'
import { tinyBase, tinySpec } from '../../training/tiny.ts'

/** Options for a worker, with its backend. */
export interface WorkerContext extends Backend, WorkerOptions {}

/** Opens the backend as a worker process would. */
export async function openWorkerContext(
  location: { databaseUrl: string; home: string },
  logError: (error: unknown) => unknown,
): Promise<WorkerContext> {
  return {
    ...(await openBackend({ ...location, artifacts: join(location.home, 'artifacts') })),
    logger: { error: logError },
  }
}

/** A worker's backend on a new database, with the tiny base and its reviews. */
export interface WorkerSetup {
  place: Place
  home: string
  context: WorkerContext
  inputs: Inputs
}

/** @param logged receives the errors that the worker logs */
export async function setUpWorker(make: () => Promise<Place>, logged: unknown[]): Promise<WorkerSetup> {
  const place = await make()
  const { databaseUrl } = place.options
  const home = databaseUrl ? await mkdtemp(join(tmpdir(), 'graft-jobs-')) : place.options.home
  const context = await openWorkerContext({ databaseUrl, home }, (error) => logged.push(error))
  const { data, test } = tinySpec()
  return { place, home, context, inputs: await storeInputs(context, { base: tinyBase(), data, test: test as string }) }
}

/** The rows that a training refers to. */
export interface Inputs {
  base: BaseRow
  dataset: DatasetRow
  test: DatasetRow
}

/** Uploads a base and two files of reviews and writes their rows. */
export async function storeInputs(
  { store: { db }, artifacts }: Pick<WorkerOptions, 'store' | 'artifacts'>,
  { base: dir, data, test }: { base: string; data: string; test: string },
): Promise<Inputs> {
  const base = await loadBase(dir)
  return {
    base: await ensureBase(db, {
      name: 'tiny',
      fingerprint: base.fingerprint,
      config: base.config,
      parameters: 62_144,
      bytes: 248_576,
      artifact: (await artifacts.put(packFolder(dir))).digest,
    }),
    dataset: await storeDataset(db, artifacts, 'train', data),
    test: await storeDataset(db, artifacts, 'test', test),
  }
}

export async function storeDataset(
  db: Database,
  artifacts: ArtifactStorage,
  name: string,
  path: string,
): Promise<DatasetRow> {
  const { digest, bytes } = await artifacts.put([readFileSync(path)])
  const rows = await readExamples(path).then(
    ({ examples }) => examples.length,
    () => 0,
  )
  await insertDataset(db, { name, digest, bytes, format: 'jsonl', rows, labels: {}, duplicates: 0 })
  return selectDataset(db, name)
}

/** Writes a training and its job. */
export function launchTraining(
  { store, queue }: Pick<WorkerOptions, 'store' | 'queue'>,
  { base, dataset, test }: Inputs,
  fields: Readonly<Record<string, unknown>> = {},
  columns: Partial<NewTraining> = {},
): Promise<TrainingRow> {
  const { base: _, data: __, test: ___, out: ____, ...spec } = tinyFields(fields)
  return store.transaction(async (tx) => {
    const row = await insertTraining(tx, {
      base_id: base.id,
      dataset_id: dataset.id,
      test_dataset_id: test.id,
      spec,
      ...columns,
    })
    await queue.enqueueTraining(tx, row.id)
    return row
  })
}

/**
 * The settings of a training that lasts for several seconds, so that it can be interrupted before its end on a fast
 * machine, too. It reports its progress once a second.
 */
export const LONG = { steps: 700, batch_tokens: 400 }

/** Returns the specification of a training of a second or so on the tiny base. */
export const tinyFields = (fields: Readonly<Record<string, unknown>> = {}): TrainingSpec =>
  parseTrainingSpec({
    data: '-',
    out: '-',
    batch_tokens: 1600,
    steps: 60,
    threads: 1,
    device: 'cpu',
    save_seconds: 0.2,
    ...fields,
  })
