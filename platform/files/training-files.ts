import { isDeepStrictEqual } from 'node:util'
import type { Reading } from '../../training/data/reading.ts'
import type { BaseRow } from '../store/bases.ts'
import type { DatasetRow } from '../store/datasets.ts'
import { fetchBaseFolder } from './base-folder.ts'
import type { ArtifactCache } from './cache.ts'
import type { PathNames } from './redact-paths.ts'

export interface TrainingFiles {
  /** The paths, and how the data are read, as fields of a training's specification. */
  readonly files: {
    base: string
    data: string
    test?: string
    test_reading?: Reading
    from_adapter?: string
  } & Reading
  /** The names that replace those paths in errors. */
  readonly names: PathNames
}

/**
 * Downloads the base, the data sets and the adapter that a training continues from to this machine.
 * @param inputs their rows, and the artifact of the adapter
 * @throws GraftError `artifact_missing`, `artifact_corrupt`, `artifacts_unavailable`, `disk_full`
 */
export async function fetchTrainingFiles(
  cache: ArtifactCache,
  { base, dataset, test, start }: { base: BaseRow; dataset: DatasetRow; test?: DatasetRow; start?: string },
): Promise<TrainingFiles> {
  const data = await cache.file(dataset.digest)
  const testFile = test && { path: await cache.file(test.digest), name: test.name }
  const baseFolder = await fetchBaseFolder(base, cache)
  const startFolder = start === undefined ? undefined : await cache.folder(start)
  return {
    files: {
      base: baseFolder,
      data,
      ...dataset.reading,
      from_adapter: startFolder,
      test: testFile?.path,
      ...(test && !isDeepStrictEqual(test.reading, dataset.reading) && { test_reading: test.reading }),
    },
    names: [
      [data, `the data set ${dataset.name}`],
      ...(testFile ? [[testFile.path, `the data set ${testFile.name}`] as const] : []),
      [baseFolder, `the base ${base.name}`],
      ...(startFolder ? [[startFolder, 'from_adapter'] as const] : []),
    ],
  }
}
