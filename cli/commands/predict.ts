import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { classifyWithFolders } from '../../platform/offline/classify.ts'
import { readTexts } from '../../platform/offline/read-text-file.ts'
import { MAX_INPUTS } from '../../platform/schemas/classify.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { print, table } from '../output.ts'
import { bar, progressTo } from '../progress.ts'
import { required } from '../required.ts'

const flags = {
  checkpoint: z
    .array(z.string())
    .default([])
    .describe('folder of an adapter or a model; several, and each answers every text'),
  adapter: z
    .array(z.string())
    .default([])
    .describe('an adapter of the store instead, by its name; several, and each answers every text'),
  data: z.string().optional().describe('texts from a file instead: JSONL with a text in each line, CSV, plain or .gz'),
  base: z.string().optional().describe('folder of the base; the embedded one where absent'),
  threads: z.int().positive().optional().describe('one for each core where absent'),
  device: deviceFlag,
}

/** Characters of a text that a table shows. */
const SHOWN = 60

export const predict: Command = {
  summary: 'Label texts.',
  usage: 'predict --checkpoint DIR …|--adapter NAME … TEXT … | --data FILE',
  examples: [
    'graft predict --checkpoint film-lora "I laughed until it hurt." "Two hours I want back."',
    'graft predict --adapter film "I laughed until it hurt."',
    'graft predict --checkpoint film-lora --data new.jsonl --json',
  ],
  flags: { Prediction: flags },
  positionals: true,
  repeated: ['checkpoint', 'adapter'],
  async run({ json, ...values }, positionals) {
    const { checkpoint: checkpoints, adapter: names, data, ...options } = required(flags, values)
    if ((data === undefined) === (positionals.length === 0))
      fail('usage', {
        subject: 'the texts',
        expected: 'either texts on the command line or --data FILE',
        found: data ? 'both' : 'neither',
        fix: 'Give one of them.',
      })
    if ((checkpoints.length === 0) === (names.length === 0))
      fail('usage', {
        subject: '--checkpoint',
        expected: 'folders of adapters, or --adapter with names of the store',
        found: names.length > 0 ? 'both' : 'neither',
        fix: 'Give one of them.',
      })
    const texts = data ? await readTexts(data) : positionals
    const progress = progressTo()
    const onProgress = (done: number) => {
      if (texts.length > MAX_INPUTS) progress.update(`${bar(done, texts.length)}  labelled`)
    }
    const { adapters, results } =
      names.length > 0
        ? await (await import('../store/predict-on-store.ts')).predictOnStore({ names, texts, ...options }, onProgress)
        : await classifyWithFolders({ checkpoints, texts, ...options }, onProgress)
    progress.end()
    const shown = results.flatMap((row, i) =>
      row.map((result, j) => [
        'error' in result ? 'error' : result.label,
        'error' in result ? '-' : result.score.toFixed(4),
        adapters[j].adapter,
        'error' in result ? result.error.detail : excerpt(texts[i]),
      ]),
    )
    print(json, { adapters, results }, table([['label', 'score', 'adapter', 'text'], ...shown]))
  },
}

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ')
  return line.length > SHOWN ? `${line.slice(0, SHOWN - 1)}…` : line
}
