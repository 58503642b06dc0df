import { setTimeout as sleep } from 'node:timers/promises'
import type { Comparison } from '../../platform/offline/compare.ts'
import type { Metrics } from '../../platform/offline/evaluate.ts'
import type { Comparison as ComparisonWork } from '../../platform/schemas/comparisons.ts'
import type { Evaluation } from '../../platform/schemas/evaluations.ts'
import { isUnderWay } from '../../platform/schemas/statuses.ts'
import { type Api, getJson, postJson, requireSuccess } from './api.ts'
import { nothingBesideAdapter } from './beside-adapter.ts'
import { datasetOfFile } from './datasets.ts'
import { withApi } from './with-api.ts'

interface Asked {
  /** File of reviews. */
  data: string
  threads?: number
  base?: string
  device?: string
}

/**
 * Measures an adapter of the store; the measurement is kept there.
 * @throws GraftError `adapter_unknown`, what is wrong with the file, why it failed; `usage` for what only folders take
 */
export async function evaluateOnStore({ adapter, ...asked }: Asked & { adapter: string }): Promise<Metrics> {
  return (await workOnStore<Evaluation>('/v1/evaluations', { adapter }, asked)).metrics as unknown as Metrics
}

/**
 * Compares adapters of the store; the comparison is kept there.
 * @throws GraftError `adapter_unknown`, what is wrong with the file, why it failed; `usage` for what only folders take
 */
export async function compareOnStore({
  adapters,
  ...asked
}: Asked & { adapters: readonly string[] }): Promise<Comparison> {
  return (await workOnStore<ComparisonWork>('/v1/comparisons', { adapters }, asked)).result as Comparison
}

/** Uploads the file, and has the work done on it. */
function workOnStore<W extends Evaluation | ComparisonWork>(
  path: string,
  request: object,
  { data, threads, base, device }: Asked,
): Promise<W> {
  nothingBesideAdapter({ base, device })
  return withApi(
    async (api) => {
      const { id: dataset } = await datasetOfFile(api, data)
      return done<W>(api, path, { ...request, dataset })
    },
    { worker: true, threads },
  )
}

/**
 * Compares adapters on a data set of the store.
 * @throws GraftError `adapter_unknown`, `dataset_unknown`, why it failed
 */
export const compareOnDataset = (api: Api, adapters: readonly string[], dataset: string): Promise<ComparisonWork> =>
  done<ComparisonWork>(api, '/v1/comparisons', { adapters, dataset })

/** Asks for the work, and waits for its end. */
async function done<W extends Evaluation | ComparisonWork>(api: Api, path: string, request: object): Promise<W> {
  let work = await postJson<W>(api, path, request)
  while (isUnderWay(work)) {
    await sleep(500)
    work = await getJson<W>(api, `${path}/${work.id}`)
  }
  requireSuccess(work)
  return work
}
