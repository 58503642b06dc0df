import { setTimeout as sleep } from 'node:timers/promises'
import { requireSuccess } from '../../client/http.ts'
import type { Comparison as ComparisonWork } from '../../platform/schemas/comparisons.ts'
import type { DatasetReading, FileReading } from '../../platform/schemas/datasets.ts'
import type { Evaluation } from '../../platform/schemas/evaluations.ts'
import type { PipelineRequest } from '../../platform/schemas/pipelines.ts'
import { isActive } from '../../platform/schemas/statuses.ts'
import type { Comparison } from '../../training/comparison/comparison.ts'
import type { Metrics } from '../../training/metrics.ts'
import type { Api } from './api.ts'
import { ensureDataset } from './datasets.ts'
import { rejectFolderFlags } from './reject-folder-flags.ts'
import { withApi } from './with-api.ts'

const POLL_INTERVAL_MS = 500

interface ShortWorkRequest {
  /** The file of reviews. */
  data: string
  /** How the file is read. */
  reading: DatasetReading
  /** Called with how the file was read. */
  onRead?(read: FileReading): void
  threads?: number
  base?: string
  device?: string
  precision?: string
}

/**
 * Measures an adapter of the store. The store keeps the metrics.
 * @throws GraftError `adapter_unknown`; `usage` for a flag of --checkpoint; the error of the file or of the evaluation
 */
export async function evaluateOnStore({
  adapter,
  ...request
}: ShortWorkRequest & { adapter: string }): Promise<Metrics> {
  const work = await workOnStore(request, (api, dataset) => runToEnd(api.evaluations, { adapter, dataset }))
  return work.metrics as unknown as Metrics
}

/**
 * Compares adapters of the store, and pipelines of the hub. The store keeps the comparison.
 * @throws GraftError `adapter_unknown`; `usage` for a flag of --checkpoint; the error of the file or of the comparison
 */
export async function compareOnStore({
  adapters,
  pipelines,
  ...request
}: ShortWorkRequest & {
  adapters: readonly string[]
  pipelines: readonly PipelineRequest[]
}): Promise<Comparison> {
  const work = await workOnStore(request, (api, dataset) => compareOnDataset(api, adapters, dataset, pipelines))
  return work.result as Comparison
}

/** Uploads the file and does work on it. */
function workOnStore<Work>(
  { data, reading, onRead, threads, base, device, precision }: ShortWorkRequest,
  work: (api: Api, dataset: string) => Promise<Work>,
): Promise<Work> {
  rejectFolderFlags({ base, device, precision })
  return withApi(
    async (api) => {
      const dataset = await ensureDataset(api, data, reading)
      onRead?.(dataset)
      return work(api, dataset.id)
    },
    { worker: true, threads },
  )
}

/**
 * Compares adapters on a data set of the store.
 * @param pipelines text classifiers of the hub to compare them with
 * @throws GraftError `adapter_unknown`, `dataset_unknown`, or the error of the comparison
 */
export const compareOnDataset = (
  api: Api,
  adapters: readonly string[],
  dataset: string,
  pipelines: readonly PipelineRequest[] = [],
): Promise<ComparisonWork> =>
  runToEnd(api.comparisons, {
    adapters: [...adapters],
    ...(pipelines.length > 0 && { pipelines: [...pipelines] }),
    dataset,
  })

/** Requests the work and waits for its end. */
async function runToEnd<Request, Work extends Evaluation | ComparisonWork>(
  { start, get }: { start(request: Request): Promise<Work>; get(id: string): Promise<Work> },
  request: Request,
): Promise<Work> {
  let work = await start(request)
  while (isActive(work)) {
    await sleep(POLL_INTERVAL_MS)
    work = await get(work.id)
  }
  requireSuccess(work)
  return work
}
