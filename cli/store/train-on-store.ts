import { fail } from '../../core/errors.ts'
import type { Training, TrainingPlan } from '../../platform/schemas/trainings.ts'
import { formatEstimate, formatTraining } from '../lines/training.ts'
import { printResult } from '../output.ts'
import { makeProgress } from '../progress.ts'
import { postJson } from './api.ts'
import { ensureDataset } from './datasets.ts'
import { followToEnd } from './follow-to-end.ts'
import { withApi } from './with-api.ts'

/** Flags that need an output folder. A training in the store has none. */
const FOLDER_FLAGS = ['out', 'resume', 'profile', 'save_seconds']

interface StoreTraining {
  /** The fields of a training. Its files are `data` and `test`. */
  fields: Readonly<Record<string, unknown>>
  plan: boolean
  json: boolean
}

/**
 * Uploads the files if they are new, launches the training and follows it.
 * @throws GraftError `usage` for a flag that needs --out, or another code if a file or a setting is invalid
 */
export async function trainOnStore({ fields, plan, json }: StoreTraining): Promise<void> {
  const flag = FOLDER_FLAGS.find((field) => fields[field] !== undefined)
  if (flag !== undefined)
    fail('usage', {
      subject: `--${flag.replaceAll('_', '-')}`,
      problem: 'cannot be combined with --name',
      fix: 'With --name the adapter is kept in the store. To write its folder, run: graft adapters export NAME --out DIR',
    })
  const { data, test, threads, ...settings } = fields
  if (typeof data !== 'string')
    fail('usage', { subject: '--data', problem: 'is required', fix: 'Add --data FILE, the reviews to train on.' })
  const progress = makeProgress()
  await withApi(
    async (api) => {
      progress.writeLine(api.url ? `Training on ${api.url}` : 'No server is running. Training in this process.')
      const dataset = await ensureDataset(api, data)
      const testDataset = typeof test === 'string' ? await ensureDataset(api, test) : undefined
      const request = { ...settings, dataset: dataset.id, ...(testDataset && { test_dataset: testDataset.id }) }
      if (plan) {
        const planned = await postJson<TrainingPlan>(api, '/v1/trainings?dry_run=true', request)
        return printResult(json, planned, formatEstimate(planned.estimate))
      }
      const { id } = await postJson<Training>(api, '/v1/trainings', request)
      progress.writeLine(`Training ${id}`)
      const training = await followToEnd(api, id, progress)
      printResult(json, training, formatTraining(training))
    },
    { worker: !plan, threads: threads as number | undefined },
  )
}
