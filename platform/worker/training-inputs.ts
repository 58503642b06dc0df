import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TrainingSpec } from '../../training/spec.ts'
import { stateFolderOf } from '../../training/state/state-folder.ts'
import { unpackFolder } from '../artifacts/unpack-folder.ts'
import type { PathNames } from '../files/redact-paths.ts'
import { fetchTrainingFiles } from '../files/training-files.ts'
import { selectBase } from '../store/bases.ts'
import { selectDataset } from '../store/datasets.ts'
import { retryOnDisconnect } from '../store/retry-connection.ts'
import type { TrainingRow } from '../store/trainings.ts'
import type { WorkerOptions } from './worker-options.ts'

/** The maximum number of seconds between saved states: the work that is lost if a machine fails. */
const MAX_SAVE_SECONDS = 10

export interface TrainingInputs {
  /** The specification with paths of this machine; the output is `out` in the folder of the slice. */
  readonly spec: TrainingSpec
  /** The names that replace those paths in errors. */
  readonly names: PathNames
}

/**
 * Downloads everything that a slice needs to this machine: the base, the data sets, the adapter to continue from and
 * the saved state.
 */
export async function fetchTrainingInputs(
  { store, artifacts, cache, threads, device }: WorkerOptions,
  { spec, base_id, dataset_id, test_dataset_id, from_artifact, state }: TrainingRow,
  folder: string,
): Promise<TrainingInputs> {
  await mkdir(folder, { recursive: true })
  const [base, dataset, test] = await retryOnDisconnect(async () => [
    await selectBase(store.db, base_id),
    await selectDataset(store.db, dataset_id),
    test_dataset_id === null ? undefined : await selectDataset(store.db, test_dataset_id),
  ])
  const out = join(folder, 'out')
  if (state !== null) {
    const { content } = await artifacts.get(state)
    try {
      // Graft packed this state itself, so its size needs no limit.
      const unlimited = Number.MAX_SAFE_INTEGER
      await unpackFolder(content, stateFolderOf(out), { fileBytes: unlimited, bytes: unlimited })
    } finally {
      content.destroy()
    }
  }
  const { files, names } = await fetchTrainingFiles(cache, { base, dataset, test, start: from_artifact ?? undefined })
  return {
    spec: {
      ...spec,
      ...files,
      out,
      save_seconds: Math.min(spec.save_seconds, MAX_SAVE_SECONDS),
      threads: threads ?? spec.threads,
      device: device ?? spec.device,
    },
    names: [...names, [folder, 'the workspace']],
  }
}
