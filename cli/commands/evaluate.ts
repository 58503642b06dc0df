import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { formatCount } from '../../core/format-count.ts'
import { servingPrecisions } from '../../model/quantized-weights.ts'
import { describeDrift } from '../../platform/offline/choose-precision.ts'
import { evaluateCheckpoint, type MeasuredDrift } from '../../platform/offline/evaluate.ts'
import { evaluatePredictions } from '../../platform/offline/evaluate-predictions.ts'
import type { FileReading } from '../../platform/schemas/datasets.ts'
import type { Reading } from '../../training/data/reading.ts'
import type { Metrics } from '../../training/metrics.ts'
import { checkFlags } from '../check-flags.ts'
import { columnFlags } from '../column-flags.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { baseFlag, fetchBase } from '../hub-progress.ts'
import { writeReading } from '../lines/reading.ts'
import { formatScores } from '../lines/training.ts'
import { formatPercent, formatTable, printResult } from '../output.ts'
import { makeProgress } from '../progress.ts'

const folder = z.string().describe('Folder of an adapter or a model.')

const data = z.string().describe('Labeled reviews in a format of docs/data.md, such as JSONL or CSV, plain or .gz.')

const flags = {
  checkpoint: folder.optional(),
  adapter: z.string().optional().describe('Name of an adapter in the store, instead of --checkpoint.'),
  data: data.optional(),
  predictions: z
    .string()
    .optional()
    .describe(
      'File with true labels and predictions, as graft predict writes it, instead of an adapter. - reads stdin.',
    ),
  ...columnFlags,
  base: baseFlag,
  threads: z.int().positive().optional().describe('Number of threads. Defaults to one per core.'),
  device: deviceFlag,
  precision: z
    .enum(servingPrecisions)
    .default('f32')
    .describe('Precision of the products with the weights. int8 also measures what changes against f32.'),
}

export const evaluate: Command = {
  summary: 'Measure an adapter or a model on labeled reviews',
  usage: 'evaluate ((--checkpoint DIR | --adapter NAME) --data FILE | --predictions FILE)',
  about: `Shows the accuracy with its 95 % Wilson interval, macro F1, the expected calibration error (15 bins),
the log loss, the confusion matrix and the accuracy by length. If the adapter has a temperature, the
calibration error and the log loss without it are shown as well.`,
  examples: [
    'graft evaluate --checkpoint film-lora --data test.jsonl.gz',
    'graft evaluate --adapter film --data test.jsonl.gz',
    'graft evaluate --predictions labeled.csv',
  ],
  flags: { Flags: flags },
  async run({ json, ...values }) {
    const { predictions, text_column, label_column, ...options } = checkFlags(flags, values)
    const request = { ...options, reading: { text_column, label_column } }
    const metrics =
      predictions === undefined ? await evaluateAdapter(request) : await evaluateFile(predictions, request)
    const { accuracy, interval, n, f1, slices, confusion, labels, uncalibrated, drift } = metrics
    printResult(json, metrics, [
      `accuracy ${formatPercent(accuracy)} on ${formatCount(n)} reviews, 95 % interval ${interval.map(formatPercent).join(' to ')}`,
      `macro F1 ${f1.toFixed(4)}, ${formatScores(metrics)}`,
      ...(uncalibrated ? [`without the temperature: ${formatScores(uncalibrated)}`] : []),
      ...(drift
        ? [`int8 changes ${describeDrift(drift)}; the accuracy in f32 is ${formatPercent(drift.accuracy)}`]
        : []),
      '',
      ...formatTable([
        ['label', ...labels.map((label) => `predicted ${label}`)],
        ...labels.map((label, i) => [label, ...confusion[i].map(formatCount)]),
      ]),
      ...(slices.length > 0
        ? [
            '',
            ...formatTable([
              ['length', 'reviews', 'accuracy'],
              ...slices.map(({ name, n, accuracy }) => [name, formatCount(n), n > 0 ? formatPercent(accuracy) : '-']),
            ]),
          ]
        : []),
    ])
  },
}

type Request = Omit<z.infer<z.ZodObject<typeof flags>>, 'predictions' | keyof typeof columnFlags> & {
  reading: Reading
}

type Result = Metrics & { drift?: MeasuredDrift }

async function evaluateAdapter({ adapter, checkpoint, base, ...options }: Request): Promise<Result> {
  const progress = makeProgress()
  const file = checkFlags({ data }, { data: options.data }).data
  const onRead = (read: FileReading) => writeReading(progress, file, read)
  const request = { ...options, data: file, onRead }
  if (adapter !== undefined)
    return (await import('../store/short-work-on-store.ts')).evaluateOnStore({ adapter, base, ...request })
  const source = { base: await fetchBase(base, progress), ...checkFlags({ checkpoint: folder }, { checkpoint }) }
  const metrics = await evaluateCheckpoint({ ...request, ...source }, (done, total) =>
    progress.update({ done, total, details: ['evaluated'] }),
  )
  progress.finish()
  return metrics
}

/** @throws GraftError `usage` for a flag that says what to classify */
function evaluateFile(predictions: string, { adapter, checkpoint, data, base, reading }: Request): Promise<Result> {
  const [other] = Object.entries({ adapter, checkpoint, data, base }).find(([, value]) => value !== undefined) ?? []
  if (other !== undefined)
    fail('usage', {
      subject: `--${other}`,
      problem: 'cannot be combined with --predictions',
      fix: 'Leave it out. The file has the predictions already.',
    })
  return evaluatePredictions(predictions, reading)
}
