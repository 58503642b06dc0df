import { setTimeout as sleep } from 'node:timers/promises'
import type { Comparison as ComparisonWork } from '../../platform/schemas/comparisons.ts'
import type { Evaluation } from '../../platform/schemas/evaluations.ts'
import { isActive } from '../../platform/schemas/statuses.ts'
import type { Comparison } from '../../training/comparison/comparison.ts'
import type { Metrics } from '../../training/metrics.ts'
import { type Api, getJson, postJson, requireSuccess } from './api.ts'
import { ensureDataset } from './datasets.ts'
import { rejectFolderFlags } from './reject-folder-flags.ts'
import { withApi } from './with-api.ts'

const POLL_INTERVAL_MS = 500

interface ShortWorkRequest {
  /** The file of reviews. */
  data: string
  threads?: number
  base?: string
  device?: string
}

/**
 * Measures an adapter of the store. The store keeps the metrics.
 * @throws GraftError `adapter_unknown`; `usage` for a flag of --checkpoint; the error of the file or of the evaluation
 */
export async function evaluateOnStore({
  adapter,
  ...request
}: ShortWorkRequest & { adapter: string }): Promise<Metrics> {
  return (await workOnStore<Evaluation>('/v1/evaluations', { adapter }, request)).metrics as unknown as Metrics
}

/**
 * Compares adapters of the store. The store keeps the comparison.
 * @throws GraftError `adapter_unknown`; `usage` for a flag of --checkpoint; the error of the file or of the comparison
 */
export async function compareOnStore({
  adapters,
  ...request
}: ShortWorkRequest & { adapters: readonly string[] }): Promise<Comparison> {
  return (await workOnStore<ComparisonWork>('/v1/comparisons', { adapters }, request)).result as Comparison
}

/** Uploads the file and runs the work on it. */
function workOnStore<W extends Evaluation | ComparisonWork>(
  path: string,
  request: object,
  { data, threads, base, device }: ShortWorkRequest,
): Promise<W> {
  rejectFolderFlags({ base, device })
  return withApi(
    async (api) => {
      const { id: dataset } = await ensureDataset(api, data)
      return runToEnd<W>(api, path, { ...request, dataset })
    },
    { worker: true, threads },
  )
}

/**
 * Compares adapters on a data set of the store.
 * @throws GraftError `adapter_unknown`, `dataset_unknown`, or the error of the comparison
 */
export const compareOnDataset = (api: Api, adapters: readonly string[], dataset: string): Promise<ComparisonWork> =>
  runToEnd<ComparisonWork>(api, '/v1/comparisons', { adapters, dataset })

/** Requests the work and waits for its end. */
async function runToEnd<W extends Evaluation | ComparisonWork>(api: Api, path: string, request: object): Promise<W> {
  let work = await postJson<W>(api, path, request)
  while (isActive(work)) {
    await sleep(POLL_INTERVAL_MS)
    work = await getJson<W>(api, `${path}/${work.id}`)
  }
  requireSuccess(work)
  return work
}
