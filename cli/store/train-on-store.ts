import { fail } from '../../core/errors.ts'
import type { Training, TrainingPlan } from '../../platform/schemas/trainings.ts'
import { planLines, trainingLines } from '../lines/training.ts'
import { print } from '../output.ts'
import { progressTo } from '../progress.ts'
import { postJson } from './api.ts'
import { datasetOfFile } from './datasets.ts'
import { followToEnd } from './follow-to-end.ts'
import { withApi } from './with-api.ts'

/** Flags that are about a folder, which a training on the store has none of. */
const FOLDERS_OWN = ['out', 'resume', 'profile', 'save_seconds']

interface Asked {
  /** The fields of a training, with its files as `data` and `test`. */
  fields: Readonly<Record<string, unknown>>
  plan: boolean
  json: boolean
}

/**
 * Uploads the files that are new, launches the training and follows it.
 * @throws GraftError `usage` for what only a training with --out takes; what is wrong with the files or the settings
 */
export async function trainOnStore({ fields, plan, json }: Asked): Promise<void> {
  const stray = FOLDERS_OWN.find((field) => fields[field] !== undefined)
  if (stray !== undefined)
    fail('usage', {
      subject: `--${stray.replaceAll('_', '-')}`,
      expected: 'nothing of the kind beside --name',
      found: 'this flag',
      fix: 'With --name the adapter is kept in the store; graft adapters export writes its folder.',
    })
  const { data, test, threads, ...settings } = fields
  if (typeof data !== 'string')
    fail('usage', { subject: '--data', expected: 'a file of reviews', found: 'nothing', fix: 'Add --data FILE.' })
  const progress = progressTo()
  await withApi(
    async (api) => {
      progress.say(api.url ? `Training on ${api.url}` : 'Training here: no server runs')
      const dataset = await datasetOfFile(api, data)
      const tested = typeof test === 'string' ? await datasetOfFile(api, test) : undefined
      const request = { ...settings, dataset: dataset.id, ...(tested && { test_dataset: tested.id }) }
      if (plan) {
        const planned = await postJson<TrainingPlan>(api, '/v1/trainings?dry_run=true', request)
        return print(json, planned, planLines(planned))
      }
      const { id } = await postJson<Training>(api, '/v1/trainings', request)
      progress.say(`Training ${id}`)
      const training = await followToEnd(api, id, progress)
      print(json, training, trainingLines(training))
    },
    { worker: !plan, threads: threads as number | undefined },
  )
}
