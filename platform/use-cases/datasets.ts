import { GraftError } from '../../core/errors.ts'
import { inspectDataset } from '../../training/data/inspect.ts'
import { type Reading, readingOf } from '../../training/data/reading.ts'
import type { Artifact } from '../artifacts/artifacts.ts'
import type { UploadFile } from '../files/upload-file.ts'
import { validateDataset } from '../offline/validate-dataset.ts'
import type { Platform } from '../platform.ts'
import type { PageRequest } from '../schemas/common.ts'
import type { Dataset, DatasetCheck, DatasetList } from '../schemas/datasets.ts'
import {
  deleteDataset,
  findSameDataset,
  insertDataset,
  isDatasetFile,
  requireUploadableName,
  selectDataset,
  selectDatasetPage,
} from '../store/datasets.ts'
import { idempotent, type RequestKey } from '../store/idempotency.ts'
import type { ListOrder } from '../store/page.ts'
import { toDataset, toInspectedDataset } from './to-api.ts'

/** Lists data sets, newest first unless `first` says otherwise. */
export async function listDatasets(
  { store }: Platform,
  request: PageRequest = {},
  first?: ListOrder,
): Promise<DatasetList> {
  const page = await selectDatasetPage(store.db, request, first)
  return { ...page, data: page.data.map(toDataset) }
}

/** @throws GraftError `dataset_unknown` */
export async function getDataset({ store }: Platform, idOrName: string): Promise<Dataset> {
  return toInspectedDataset(await selectDataset(store.db, idOrName))
}

/** Returns the findings of a data set; none if it was deleted, which a repeated request may meet. */
export async function getFindings(platform: Platform, idOrName: string): Promise<Dataset['findings']> {
  try {
    return (await getDataset(platform, idOrName)).findings
  } catch (error) {
    if (error instanceof GraftError && error.code === 'dataset_unknown') return undefined
    throw error
  }
}

/** The name of a new data set, and how its file is read. */
interface DatasetRequest extends Reading {
  name: string
}

/**
 * Stores a file of labeled reviews, in one of the formats of docs/data.md. Every line is validated first. A repeated
 * upload of the same file under the same name returns the data set of the first.
 * @param signal stops the validation
 * @param requestKey an idempotency key: a repeated request with the same key returns the first data set
 * @throws GraftError `name_taken`, `idempotency_conflict`, or another code if the file is invalid, with the number of
 *   the line; nothing is stored then
 */
export async function uploadDataset(
  platform: Platform,
  request: DatasetRequest,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  requestKey?: RequestKey,
): Promise<Dataset> {
  const requireBytes = await requireUploadableName(platform.store.db, request.name)
  return platform.uploads.withFile(async (file) => {
    const artifact = await file.write(countBytes(content, requireBytes))
    return addDataset(platform, request, { file, ...artifact }, signal, requestKey)
  })
}

/**
 * Reads a file as {@link uploadDataset} does, and returns what it contains. Stores nothing.
 * @throws GraftError if the file is invalid, with the number of the line
 */
export async function checkDataset(
  platform: Platform,
  { name, ...request }: DatasetRequest,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<DatasetCheck> {
  return platform.uploads.withFile(async (file) => {
    await file.write(content)
    const { counts, preview } = await validateDataset(file.fd, { name, reading: readingOf(request) }, signal)
    const { format, rows, labels, duplicates, columns, encoding, skipped } = counts
    return {
      format,
      rows,
      labels: Object.fromEntries(labels),
      duplicates,
      columns,
      encoding,
      skipped,
      findings: inspectDataset({ rows, labels, duplicates }),
      ...preview,
    }
  })
}

async function* countBytes(content: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void) {
  let bytes = 0
  for await (const chunk of content) {
    bytes += chunk.length
    onBytes(bytes)
    yield chunk
  }
}

/** Adds a data set like {@link uploadDataset}, from a file that was written already. */
export async function addDataset(
  { store, artifacts }: Platform,
  { name, filename, ...request }: DatasetRequest & { filename?: string },
  { file, digest, bytes }: Artifact & { file: UploadFile },
  signal: AbortSignal,
  { owner = '', key }: Partial<RequestKey> = {},
): Promise<Dataset> {
  const reading = readingOf(request)
  const known = await findSameDataset(store.db, { name, digest, reading })
  if (known) return toInspectedDataset(known)
  const { counts } = await validateDataset(file.fd, { name: filename ?? name, reading }, signal)
  await artifacts.put(file.read())
  const { format, rows, duplicates, columns, encoding, skipped } = counts
  // A name that was made for a file differs each time.
  const identity = { name: filename ?? name, digest, ...reading }
  return idempotent(store.db, { owner, operation: 'add_dataset', key, request: identity }, async (tx) =>
    toInspectedDataset(
      await insertDataset(tx, {
        name,
        filename,
        digest,
        bytes,
        format,
        rows,
        labels: Object.fromEntries(counts.labels),
        duplicates,
        // A later version might recognize other columns.
        reading: readingOf({ text_column: columns?.text, label_column: columns?.label, ...reading }),
        encoding,
        skipped,
      }),
    ),
  )
}

/**
 * Returns a data set with its file as it was uploaded.
 * @throws GraftError `dataset_unknown`, `artifact_missing`, `artifact_corrupt`
 */
export async function downloadDataset({ store, artifacts }: Platform, idOrName: string) {
  const row = await selectDataset(store.db, idOrName)
  return { ...toDataset(row), content: (await artifacts.get(row.digest)).content }
}

/**
 * Deletes a data set, and the copy of its file in the cache of this machine.
 * @throws GraftError `dataset_unknown`, `in_use` if unfinished work needs it
 */
export async function removeDataset({ store, cache }: Platform, idOrName: string): Promise<Dataset> {
  const deleted = await deleteDataset(store.db, idOrName)
  if (!(await isDatasetFile(store.db, deleted.digest))) await cache.remove(deleted.digest)
  return toDataset(deleted)
}
