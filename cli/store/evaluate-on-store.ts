import { setTimeout as sleep } from 'node:timers/promises'
import { GraftError } from '../../core/errors.ts'
import type { Evaluation } from '../../platform/schemas/evaluations.ts'
import type { Metrics } from '../../platform/use-cases/evaluate.ts'
import { getJson, postJson } from './api.ts'
import { datasetOfFile } from './datasets.ts'
import { withApi } from './with-api.ts'

/**
 * Measures an adapter of the store; the measurement is kept there.
 * @throws GraftError `adapter_unknown`, what is wrong with the file, why it failed
 */
export function evaluateOnStore({
  adapter,
  data,
  threads,
}: {
  adapter: string
  data: string
  threads?: number
}): Promise<Metrics> {
  return withApi(
    async (api) => {
      const dataset = await datasetOfFile(api, data)
      let evaluation = await postJson<Evaluation>(api, '/v1/evaluations', { adapter, dataset: dataset.id })
      while (evaluation.status === 'queued' || evaluation.status === 'running') {
        await sleep(500)
        evaluation = await getJson<Evaluation>(api, `/v1/evaluations/${evaluation.id}`)
      }
      const { error, metrics } = evaluation
      if (error) throw new GraftError(error.code as GraftError['code'], error)
      return metrics as unknown as Metrics
    },
    { worker: true, threads },
  )
}
