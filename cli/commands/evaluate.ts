import { z } from 'zod'
import { baseFolder } from '../../platform/offline/bases.ts'
import { evaluateCheckpoint } from '../../platform/offline/evaluate.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { percentText, print, table } from '../output.ts'
import { bar, grouped, progressTo } from '../progress.ts'
import { required } from '../required.ts'

const FOLDER = z.string().describe('folder of an adapter or a model')

const flags = {
  checkpoint: FOLDER.optional(),
  adapter: z.string().optional().describe('an adapter of the store instead, by its name'),
  data: z.string().describe('labelled reviews: JSONL or CSV, plain or .gz'),
  base: z.string().optional().describe('folder of the base; the embedded one where absent'),
  threads: z.int().positive().optional().describe('one for each core where absent'),
  device: deviceFlag,
}

export const evaluate: Command = {
  summary: 'Measure a checkpoint on labelled reviews.',
  usage: 'evaluate --checkpoint DIR|--adapter NAME --data FILE',
  about:
    'Accuracy with its 95 % Wilson interval, macro F1, expected calibration error (15 bins), the confusion matrix and the accuracy by length.',
  examples: [
    'graft evaluate --checkpoint film-lora --data test.jsonl.gz',
    'graft evaluate --adapter film --data test.jsonl.gz',
  ],
  flags: { Evaluation: flags },
  async run({ json, ...values }) {
    const { checkpoint, adapter, base, ...request } = required(flags, values)
    const progress = progressTo()
    const metrics =
      adapter === undefined
        ? await evaluateCheckpoint(
            { ...request, base: baseFolder(base), ...required({ checkpoint: FOLDER }, { checkpoint }) },
            (done, of) => progress.update(`${bar(done, of)}  evaluated`),
          )
        : await (await import('../store/short-work-on-store.ts')).evaluateOnStore({ adapter, base, ...request })
    progress.end()
    const { accuracy, interval, n, f1, ece, slices, confusion, labels } = metrics
    print(json, metrics, [
      `accuracy ${percentText(accuracy)} on ${grouped(n)} reviews, 95 % interval ${interval.map(percentText).join(' to ')}`,
      `macro F1 ${f1.toFixed(4)}, expected calibration error ${ece.toFixed(4)}`,
      '',
      ...table([
        ['label', ...labels.map((label) => `taken for ${label}`)],
        ...labels.map((label, i) => [label, ...confusion[i].map(grouped)]),
      ]),
      '',
      ...table([
        ['length', 'reviews', 'accuracy'],
        ...slices.map((slice) => [slice.name, grouped(slice.n), slice.n > 0 ? percentText(slice.accuracy) : '-']),
      ]),
    ])
  },
}
