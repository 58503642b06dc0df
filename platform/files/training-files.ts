import type { BaseRow } from '../store/bases.ts'
import type { DatasetRow } from '../store/datasets.ts'
import { fetchBaseFolder } from './base-folder.ts'
import type { ArtifactCache } from './cache.ts'
import type { PathNames } from './redact-paths.ts'

export interface TrainingFiles {
  /** The paths as fields of a training's specification. */
  readonly paths: { base: string; data: string; test?: string }
  /** The names that replace those paths in errors. */
  readonly names: PathNames
}

/**
 * Downloads the base and the data sets of a training to this machine.
 * @throws GraftError `artifact_missing`, `artifact_corrupt`, `artifacts_unavailable`, `disk_full`
 */
export async function fetchTrainingFiles(
  cache: ArtifactCache,
  { base, dataset, test }: { base: BaseRow; dataset: DatasetRow; test?: DatasetRow },
): Promise<TrainingFiles> {
  const data = await cache.file(dataset.digest)
  const testFile = test && { path: await cache.file(test.digest), name: test.name }
  const paths = { base: await fetchBaseFolder(base, cache), data, test: testFile?.path }
  return {
    paths,
    names: [
      [data, `the data set ${dataset.name}`],
      ...(testFile ? [[testFile.path, `the data set ${testFile.name}`] as const] : []),
      [paths.base, `the base ${base.name}`],
    ],
  }
}
