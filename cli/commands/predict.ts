import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { classifyWithFolders } from '../../platform/offline/classify.ts'
import { readTextFile } from '../../platform/offline/read-text-file.ts'
import { MAX_INPUTS } from '../../platform/schemas/classify.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { formatTable, printResult } from '../output.ts'
import { formatBar, makeProgress } from '../progress.ts'

const flags = {
  checkpoint: z
    .array(z.string())
    .default([])
    .describe('Folder of an adapter or a model. If repeated, each one classifies every text.'),
  adapter: z
    .array(z.string())
    .default([])
    .describe('Name of an adapter in the store. If repeated, each one classifies every text.'),
  data: z.string().optional().describe('File of texts, instead of TEXT: JSONL or CSV, plain or .gz.'),
  base: z.string().optional().describe('Folder of the base. Defaults to the embedded base.'),
  threads: z.int().positive().optional().describe('Number of threads. Defaults to one per core.'),
  device: deviceFlag,
}

const MAX_TEXT_CHARS = 60

export const predict: Command = {
  summary: 'Classify texts',
  usage: 'predict (--checkpoint DIR ... | --adapter NAME ...) (TEXT ... | --data FILE)',
  examples: [
    'graft predict --checkpoint film-lora "I laughed until it hurt." "Two hours I want back."',
    'graft predict --adapter film "I laughed until it hurt."',
    'graft predict --checkpoint film-lora --data new.jsonl --json',
  ],
  flags: { Flags: flags },
  positionals: true,
  repeated: ['checkpoint', 'adapter'],
  async run({ json, ...values }, positionals) {
    const { checkpoint: checkpoints, adapter: names, data, ...options } = checkFlags(flags, values)
    requireOneSource(positionals, data, checkpoints, names)
    const texts = data ? await readTextFile(data) : positionals
    const progress = makeProgress()
    const onProgress = (done: number) => {
      if (texts.length > MAX_INPUTS) progress.update(`${formatBar(done, texts.length)}  classified`)
    }
    const { adapters, results } =
      names.length > 0
        ? await (await import('../store/predict-on-store.ts')).predictOnStore({ names, texts, ...options }, onProgress)
        : await classifyWithFolders({ checkpoints, texts, ...options }, onProgress)
    progress.finish()
    const rows = results.flatMap((answers, i) =>
      answers.map((result, j) => [
        'error' in result ? 'error' : result.label,
        'error' in result ? '-' : result.score.toFixed(4),
        adapters[j].adapter,
        'error' in result ? result.error.detail : abbreviate(texts[i]),
      ]),
    )
    printResult(json, { adapters, results }, formatTable([['label', 'score', 'adapter', 'text'], ...rows]))
  },
}

/** @throws GraftError `usage` unless there is one source of texts and one of adapters */
function requireOneSource(
  texts: readonly string[],
  data: string | undefined,
  checkpoints: readonly string[],
  names: readonly string[],
): void {
  if (data !== undefined && texts.length > 0)
    fail('usage', {
      subject: '--data',
      problem: 'cannot be combined with texts on the command line',
      fix: 'Use only one of them.',
    })
  if (data === undefined && texts.length === 0)
    fail('usage', {
      subject: 'the text',
      problem: 'is missing',
      fix: 'Write texts on the command line, or add --data FILE.',
    })
  if (checkpoints.length > 0 && names.length > 0)
    fail('usage', {
      subject: '--checkpoint',
      problem: 'cannot be combined with --adapter',
      fix: 'Use only one of them.',
    })
  if (checkpoints.length === 0 && names.length === 0)
    fail('usage', {
      subject: 'the adapter',
      problem: 'is missing',
      fix: 'Add --checkpoint DIR, or --adapter NAME for an adapter in the store.',
    })
}

function abbreviate(text: string): string {
  const line = text.replace(/\s+/g, ' ')
  return line.length > MAX_TEXT_CHARS ? `${line.slice(0, MAX_TEXT_CHARS - 1)}…` : line
}
