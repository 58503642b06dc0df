import { fail } from '../../core/errors.ts'
import { datasetReading } from '../../platform/schemas/datasets.ts'
import type { Plan } from '../../training/events.ts'
import { checkFlags } from '../check-flags.ts'
import { formatReading } from '../lines/reading.ts'
import { formatEstimate, formatPlan, formatTraining } from '../lines/training.ts'
import { printResult } from '../output.ts'
import { makeProgress } from '../progress.ts'
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
  const { data, test, threads, text_column, label_column, skip_bad, max_skipped, ...settings } = fields
  if (typeof data !== 'string')
    fail('usage', { subject: '--data', problem: 'is required', fix: 'Add --data FILE, the reviews to train on.' })
  const reading = checkFlags(datasetReading.shape, { text_column, label_column, skip_bad, max_skipped })
  const progress = makeProgress()
  await withApi(
    async (api) => {
      progress.writeLine(api.url ? `Training on ${api.url}` : 'No server is running. Training in this process.')
      const dataset = await ensureDataset(api, data, reading)
      const testDataset = typeof test === 'string' ? await ensureDataset(api, test, reading) : undefined
      for (const line of [dataset, testDataset].flatMap((read) => (read ? formatReading(read.name, read) : [])))
        progress.writeLine(line)
      const request = { ...settings, dataset: dataset.id, ...(testDataset && { test_dataset: testDataset.id }) }
      if (plan) {
        const planned = await api.trainings.plan(request)
        for (const line of formatPlan(planned.plan as Plan)) progress.writeLine(line)
        return printResult(json, planned, formatEstimate(planned.estimate))
      }
      const { id } = await api.trainings.launch(request)
      progress.writeLine(`Training ${id}`)
      const training = await followToEnd(api, id, progress)
      printResult(json, training, formatTraining(training))
    },
    { worker: !plan, threads: threads as number | undefined },
  )
}
