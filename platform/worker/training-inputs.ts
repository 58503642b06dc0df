import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TrainingSpec } from '../../training/spec.ts'
import { stateFolderOf } from '../../training/state/state-folder.ts'
import { unpackFolder } from '../artifacts/unpack-folder.ts'
import type { PathNames } from '../files/hide-paths.ts'
import { bringFiles } from '../files/training-files.ts'
import { getBase } from '../store/bases.ts'
import { getDataset } from '../store/datasets.ts'
import { retryOnDisconnect } from '../store/retry-connection.ts'
import type { TrainingRow } from '../store/trainings.ts'
import type { WorkerOptions } from './worker-options.ts'

/** Seconds between states, unless the training asks for more of them: what the loss of a machine costs. */
const SAVE_SECONDS = 10

/** What a training trains from, on this machine. */
export interface TrainingInputs {
  /** With paths; the output is `out` in the folder. */
  readonly spec: TrainingSpec
  /** What to call the paths in what others read. */
  readonly names: PathNames
}

/** Brings what a training needs to this machine. */
export async function bringInputs(
  { store, artifacts, cache, threads, device }: WorkerOptions,
  { spec, base_id, dataset_id, test_dataset_id, state }: TrainingRow,
  folder: string,
): Promise<TrainingInputs> {
  await mkdir(folder, { recursive: true })
  const [base, dataset, test] = await retryOnDisconnect(async () => [
    await getBase(store.db, base_id),
    await getDataset(store.db, dataset_id),
    test_dataset_id === null ? undefined : await getDataset(store.db, test_dataset_id),
  ])
  const out = join(folder, 'out')
  if (state !== null) {
    const { content } = await artifacts.get(state)
    try {
      // Our own, of any size.
      const any = Number.MAX_SAFE_INTEGER
      await unpackFolder(content, stateFolderOf(out), { fileBytes: any, bytes: any })
    } finally {
      content.destroy()
    }
  }
  const { paths, names } = await bringFiles(cache, { base, dataset, test })
  return {
    spec: {
      ...spec,
      ...paths,
      out,
      save_seconds: Math.min(spec.save_seconds, SAVE_SECONDS),
      threads: threads ?? spec.threads,
      device: device ?? spec.device,
    },
    names: [...names, [folder, 'the workspace']],
  }
}
