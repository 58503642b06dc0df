import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadBase } from '../../../checkpoint/base.ts'
import type { Artifacts } from '../../../platform/artifacts/artifacts.ts'
import { packFolder } from '../../../platform/artifacts/pack-folder.ts'
import { type Backend, openBackend } from '../../../platform/open-workplace.ts'
import { type BaseRow, ensureBase } from '../../../platform/store/bases.ts'
import type { Database } from '../../../platform/store/database.ts'
import { createDataset, type DatasetRow, getDataset } from '../../../platform/store/datasets.ts'
import { createTraining, type NewTraining, type TrainingRow } from '../../../platform/store/trainings.ts'
import type { WorkerOptions } from '../../../platform/worker/worker-options.ts'
import { readReviews } from '../../../training/data/examples.ts'
import { parseTrainingSpec, type TrainingSpec } from '../../../training/spec.ts'

export interface Desk extends Backend, WorkerOptions {}

/** What a worker works with, opened as a process of its own would. */
export async function openDesk(
  where: { databaseUrl: string; home: string },
  logError: (error: unknown) => unknown,
): Promise<Desk> {
  return { ...(await openBackend({ ...where, artifacts: join(where.home, 'artifacts') })), logger: { error: logError } }
}

/** The rows that trainings refer to. */
export interface Inputs {
  base: BaseRow
  dataset: DatasetRow
  test: DatasetRow
}

/** Puts a base and two files of reviews where workers find them. */
export async function storeInputs(
  { store: { db }, artifacts }: Pick<WorkerOptions, 'store' | 'artifacts'>,
  { base: dir, data, test }: { base: string; data: string; test: string },
): Promise<Inputs> {
  const base = await loadBase(dir)
  return {
    base: await ensureBase(db, {
      name: 'tiny',
      fingerprint: base.fingerprint,
      shape: base.t5,
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
  artifacts: Artifacts,
  name: string,
  path: string,
): Promise<DatasetRow> {
  const { digest, bytes } = await artifacts.put([readFileSync(path)])
  const rows = await readReviews(path).then(
    ({ reviews }) => reviews.length,
    () => 0,
  )
  await createDataset(db, { name, digest, bytes, format: 'jsonl', rows, labels: {}, duplicates: 0 })
  return getDataset(db, name)
}

/** A training and its job, as whoever launches one writes them. */
export function launch(
  { store, queue }: Pick<WorkerOptions, 'store' | 'queue'>,
  { base, dataset, test }: Inputs,
  fields: Readonly<Record<string, unknown>> = {},
  columns: Partial<NewTraining> = {},
): Promise<TrainingRow> {
  const { base: _, data: __, test: ___, out: ____, ...spec } = tinyFields(fields)
  return store.transaction(async (tx) => {
    const row = await createTraining(tx, {
      base_id: base.id,
      dataset_id: dataset.id,
      test_dataset_id: test.id,
      spec,
      ...columns,
    })
    await queue.queueTraining(tx, row.id)
    return row
  })
}

/** A training of some seconds on the tiny base. */
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
