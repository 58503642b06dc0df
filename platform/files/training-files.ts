import type { BaseRow } from '../store/bases.ts'
import type { DatasetRow } from '../store/datasets.ts'
import { baseFolderOf } from './base-folder.ts'
import type { ArtifactCache } from './cache.ts'
import type { PathNames } from './hide-paths.ts'

export interface TrainingFiles {
  /** As a training's specification has them. */
  readonly paths: { base: string; data: string; test?: string }
  /** What to call the paths in what others read. */
  readonly names: PathNames
}

/**
 * Brings what a training reads to this machine.
 * @throws GraftError `artifact_missing`, `artifact_corrupt`, `artifacts_unavailable`, `disk_full`
 */
export async function bringFiles(
  cache: ArtifactCache,
  { base, dataset, test }: { base: BaseRow; dataset: DatasetRow; test?: DatasetRow },
): Promise<TrainingFiles> {
  const data = await cache.file(dataset.digest)
  const tested = test && { path: await cache.file(test.digest), name: test.name }
  const paths = { base: await baseFolderOf(base, cache), data, test: tested?.path }
  return {
    paths,
    names: [
      [data, `the data set ${dataset.name}`],
      ...(tested ? [[tested.path, `the data set ${tested.name}`] as const] : []),
      [paths.base, `the base ${base.name}`],
    ],
  }
}
