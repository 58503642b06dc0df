import { readReviews } from '../../training/data/examples.ts'
import type { Artifact } from '../artifacts/artifacts.ts'
import { hidingPaths } from '../files/hide-paths.ts'
import type { Platform } from '../platform.ts'
import type { PageRequest } from '../schemas/common.ts'
import type { Dataset, DatasetList } from '../schemas/datasets.ts'
import * as rows from '../store/datasets.ts'
import { shownDataset } from './to-api.ts'

export { textOfContent } from '../../training/data/messages.ts'

/** The newest first. */
export async function listDatasets({ store }: Platform, request: PageRequest = {}): Promise<DatasetList> {
  const page = await rows.listDatasets(store.db, request)
  return { ...page, data: page.data.map(shownDataset) }
}

/** @throws GraftError `dataset_unknown` */
export async function getDataset({ store }: Platform, idOrName: string): Promise<Dataset> {
  return shownDataset(await rows.getDataset(store.db, idOrName))
}

/**
 * Keeps a file of reviews with labels, JSON lines or CSV, gzipped or not, once every line of it was read.
 * @throws GraftError `name_taken`; with the number of the line, what is wrong with the file
 */
export async function uploadDataset(
  platform: Platform,
  name: string,
  content: AsyncIterable<Uint8Array>,
): Promise<Dataset> {
  await rows.requireFreeName(platform.store.db, name)
  return addDataset(platform, { name }, await platform.artifacts.put(content))
}

/**
 * As {@link uploadDataset}, for a file that is among the artifacts.
 * @param names how it is called, and its file
 */
export async function addDataset(
  { store, cache }: Platform,
  { name, filename }: { name: string; filename?: string },
  { digest, bytes }: Artifact,
): Promise<Dataset> {
  const path = await cache.file(digest)
  const { reviews, duplicates, format } = await hidingPaths([[path, filename ?? name]], () => readReviews(path))
  const labels: Record<string, number> = {}
  for (const { label } of reviews) labels[label] = (labels[label] ?? 0) + 1
  const row = { name, filename, digest, bytes, format, rows: reviews.length, labels, duplicates }
  return shownDataset(await rows.createDataset(store.db, row))
}

/** The file as it was uploaded. @throws GraftError `dataset_unknown`, `artifact_missing`, `artifact_corrupt` */
export async function downloadDataset({ store, artifacts }: Platform, idOrName: string) {
  const row = await rows.getDataset(store.db, idOrName)
  return { ...shownDataset(row), content: (await artifacts.get(row.digest)).content }
}

/** @throws GraftError `dataset_unknown`, `in_use` where something that needs it has not ended */
export async function deleteDataset({ store }: Platform, idOrName: string): Promise<Dataset> {
  return shownDataset(await rows.deleteDataset(store.db, idOrName))
}
