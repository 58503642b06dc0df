import { readExamples } from '../../training/data/examples.ts'
import type { Artifact } from '../artifacts/artifacts.ts'
import { withRedactedPaths } from '../files/redact-paths.ts'
import type { Platform } from '../platform.ts'
import type { PageRequest } from '../schemas/common.ts'
import type { Dataset, DatasetList } from '../schemas/datasets.ts'
import {
  deleteDataset,
  insertDataset,
  requireFreeDatasetName,
  selectDataset,
  selectDatasetPage,
} from '../store/datasets.ts'
import { toDataset } from './to-api.ts'

/** Lists data sets, newest first. */
export async function listDatasets({ store }: Platform, request: PageRequest = {}): Promise<DatasetList> {
  const page = await selectDatasetPage(store.db, request)
  return { ...page, data: page.data.map(toDataset) }
}

/** @throws GraftError `dataset_unknown` */
export async function getDataset({ store }: Platform, idOrName: string): Promise<Dataset> {
  return toDataset(await selectDataset(store.db, idOrName))
}

/**
 * Stores a file of labeled reviews, JSON lines or CSV, gzipped or not. Every line is validated first.
 * @throws GraftError `name_taken`, or another code if the file is invalid, with the number of the line
 */
export async function uploadDataset(
  platform: Platform,
  name: string,
  content: AsyncIterable<Uint8Array>,
): Promise<Dataset> {
  await requireFreeDatasetName(platform.store.db, name)
  return addDataset(platform, { name }, await platform.artifacts.put(content))
}

/**
 * Adds a data set like {@link uploadDataset}, from a file that is already in the artifact storage.
 */
export async function addDataset(
  { store, cache }: Platform,
  { name, filename }: { name: string; filename?: string },
  { digest, bytes }: Artifact,
): Promise<Dataset> {
  const path = await cache.file(digest)
  const { examples, duplicates, format } = await withRedactedPaths([[path, filename ?? name]], () => readExamples(path))
  const labels: Record<string, number> = {}
  for (const { label } of examples) labels[label] = (labels[label] ?? 0) + 1
  const row = { name, filename, digest, bytes, format, rows: examples.length, labels, duplicates }
  return toDataset(await insertDataset(store.db, row))
}

/**
 * Returns a data set with its file as it was uploaded.
 * @throws GraftError `dataset_unknown`, `artifact_missing`, `artifact_corrupt`
 */
export async function downloadDataset({ store, artifacts }: Platform, idOrName: string) {
  const row = await selectDataset(store.db, idOrName)
  return { ...toDataset(row), content: (await artifacts.get(row.digest)).content }
}

/** @throws GraftError `dataset_unknown`, `in_use` if unfinished work needs it */
export async function removeDataset({ store }: Platform, idOrName: string): Promise<Dataset> {
  return toDataset(await deleteDataset(store.db, idOrName))
}
