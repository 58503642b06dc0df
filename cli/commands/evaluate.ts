import { z } from 'zod'
import { baseFolder } from '../../platform/offline/bases.ts'
import { evaluateCheckpoint } from '../../platform/offline/evaluate.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { formatScores } from '../lines/training.ts'
import { formatPercent, formatTable, printResult } from '../output.ts'
import { formatBar, formatCount, makeProgress } from '../progress.ts'

const folder = z.string().describe('Folder of an adapter or a model.')

const flags = {
  checkpoint: folder.optional(),
  adapter: z.string().optional().describe('Name of an adapter in the store, instead of --checkpoint.'),
  data: z.string().describe('Labeled reviews: JSONL or CSV, plain or .gz.'),
  base: z.string().optional().describe('Folder of the base. Defaults to the embedded base.'),
  threads: z.int().positive().optional().describe('Number of threads. Defaults to one per core.'),
  device: deviceFlag,
}

export const evaluate: Command = {
  summary: 'Measure an adapter or a model on labeled reviews',
  usage: 'evaluate (--checkpoint DIR | --adapter NAME) --data FILE',
  about: `Shows the accuracy with its 95 % Wilson interval, macro F1, the expected calibration error (15 bins),
the log loss, the confusion matrix and the accuracy by length. If the adapter has a temperature, the
calibration error and the log loss without it are shown as well.`,
  examples: [
    'graft evaluate --checkpoint film-lora --data test.jsonl.gz',
    'graft evaluate --adapter film --data test.jsonl.gz',
  ],
  flags: { Flags: flags },
  async run({ json, ...values }) {
    const { checkpoint, adapter, base, ...request } = checkFlags(flags, values)
    const progress = makeProgress()
    const metrics =
      adapter === undefined
        ? await evaluateCheckpoint(
            { ...request, base: baseFolder(base), ...checkFlags({ checkpoint: folder }, { checkpoint }) },
            (done, total) => progress.update(`${formatBar(done, total)}  evaluated`),
          )
        : await (await import('../store/short-work-on-store.ts')).evaluateOnStore({ adapter, base, ...request })
    progress.finish()
    const { accuracy, interval, n, f1, slices, confusion, labels, uncalibrated } = metrics
    printResult(json, metrics, [
      `accuracy ${formatPercent(accuracy)} on ${formatCount(n)} reviews, 95 % interval ${interval.map(formatPercent).join(' to ')}`,
      `macro F1 ${f1.toFixed(4)}, ${formatScores(metrics)}`,
      ...(uncalibrated ? [`without the temperature: ${formatScores(uncalibrated)}`] : []),
      '',
      ...formatTable([
        ['label', ...labels.map((label) => `predicted ${label}`)],
        ...labels.map((label, i) => [label, ...confusion[i].map(formatCount)]),
      ]),
      '',
      ...formatTable([
        ['length', 'reviews', 'accuracy'],
        ...slices.map((slice) => [slice.name, formatCount(slice.n), slice.n > 0 ? formatPercent(slice.accuracy) : '-']),
      ]),
    ])
  },
}
