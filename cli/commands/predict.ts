import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { openPlatform } from '../../platform/open-platform.ts'
import { MAX_INPUTS } from '../../platform/schemas/classify.ts'
import { classify } from '../../platform/use-cases/classify.ts'
import { readTexts } from '../../platform/use-cases/read-texts-file.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { print, table } from '../output.ts'
import { bar, progressTo } from '../progress.ts'
import { required } from '../required.ts'

const flags = {
  checkpoint: z.array(z.string()).describe('folder of an adapter or a model; several, and each answers every text'),
  data: z.string().optional().describe('texts from a file instead: JSONL with a text in each line, CSV, plain or .gz'),
  base: z.string().optional().describe('folder of the base; the embedded one where absent'),
  threads: z.int().positive().optional().describe('one for each core where absent'),
  device: deviceFlag,
}

/** Characters of a text that a table shows. */
const SHOWN = 60

export const predict: Command = {
  summary: 'Label texts.',
  usage: 'predict --checkpoint DIR [--checkpoint DIR …] TEXT … | --data FILE',
  examples: [
    'graft predict --checkpoint film-lora "I laughed until it hurt." "Two hours I want back."',
    'graft predict --checkpoint film-lora --data new.jsonl --json',
  ],
  flags: { Prediction: flags },
  positionals: true,
  repeated: ['checkpoint'],
  async run({ json, ...values }, positionals) {
    const { checkpoint: checkpoints, data, base, threads, device } = required(flags, values)
    if ((data === undefined) === (positionals.length === 0))
      fail('usage', {
        subject: 'the texts',
        expected: 'either texts on the command line or --data FILE',
        found: data ? 'both' : 'neither',
        mend: 'Give one of them.',
      })
    const texts = data ? await readTexts(data) : positionals
    const platform = await openPlatform({ base, checkpoints, threads, device })
    const progress = progressTo()
    try {
      const adapters = platform.engine.adapters().map(({ id }) => id)
      const results = []
      const atOnce = Math.max(1, Math.floor(MAX_INPUTS / adapters.length))
      for (let at = 0; at < texts.length; at += atOnce) {
        const answer = await classify(platform, { inputs: texts.slice(at, at + atOnce), adapters })
        results.push(...(answer.results as Extract<typeof answer, { adapters: unknown }>['results']))
        if (texts.length > atOnce) progress.update(`${bar(results.length, texts.length)}  labelled`)
      }
      progress.end()
      const shown = results.flatMap((row, i) =>
        row.map((result, j) => [
          'error' in result ? 'error' : result.label,
          'error' in result ? '-' : result.score.toFixed(4),
          adapters[j],
          'error' in result ? result.error.detail : excerpt(texts[i]),
        ]),
      )
      print(
        json,
        { adapters: platform.engine.adapters().map(({ id, digest }) => ({ adapter: id, digest })), results },
        table([['label', 'score', 'adapter', 'text'], ...shown]),
      )
    } finally {
      await platform.engine.close()
    }
  },
}

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ')
  return line.length > SHOWN ? `${line.slice(0, SHOWN - 1)}…` : line
}
