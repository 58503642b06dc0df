import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { formatCount } from '../../core/format-count.ts'
import { classifyWithFolders } from '../../platform/offline/classify.ts'
import { addPredictions, requireFreeFile, writeFileWhole } from '../../platform/offline/predictions-file.ts'
import { type RowFile, readRows } from '../../platform/offline/read-rows.ts'
import { type ClassifyResult, MAX_INPUTS } from '../../platform/schemas/classify.ts'
import { checkFlags } from '../check-flags.ts'
import { columnFlags } from '../column-flags.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { baseFlag, fetchBase } from '../hub-progress.ts'
import { explanationLines } from '../lines/explanation.ts'
import { writeReading } from '../lines/reading.ts'
import { formatTable, printResult } from '../output.ts'
import { precisionFlag } from '../precision-flag.ts'
import { makeProgress } from '../progress.ts'

const flags = {
  checkpoint: z
    .array(z.string())
    .default([])
    .describe('Folder of an adapter or a model. If repeated, each one classifies every text.'),
  adapter: z
    .array(z.string())
    .default([])
    .describe('Name of an adapter in the store. If repeated, each one classifies every text.'),
  data: z
    .string()
    .optional()
    .describe('File of texts, instead of TEXT, in a format of docs/data.md, plain or .gz. - reads stdin.'),
  text_column: columnFlags.text_column,
  out: z
    .string()
    .optional()
    .describe('File to write: that of --data with predictions added to each row. - writes to stdout.'),
  explain: z
    .boolean()
    .default(false)
    .describe('Show which words mattered for each prediction, which takes about a hundred times as long.'),
  base: baseFlag,
  threads: z.int().positive().optional().describe('Number of threads. Defaults to one per core.'),
  device: deviceFlag,
  precision: precisionFlag,
}

const MAX_TEXT_CHARS = 60

export const predict: Command = {
  summary: 'Classify texts',
  usage: 'predict (--checkpoint DIR ... | --adapter NAME ...) (TEXT ... | --data FILE [--out FILE])',
  about: `With --out, the file keeps every column and the order of its rows, in its own format, and gets the columns
label, score (the probability of the label) and scores (that of each label, as JSON). If it has labels or
one of these columns, all are named predicted_label, predicted_score and predicted_scores, and graft
evaluate measures them. A text that cannot be classified leaves them empty; the
column error then says why.`,
  examples: [
    'graft predict --checkpoint film-lora "I laughed until it hurt." "Two hours I want back."',
    'graft predict --adapter film "I laughed until it hurt."',
    'graft predict --adapter film --explain "I laughed until it hurt."',
    'graft predict --checkpoint film-lora --data new.jsonl --json',
    'graft predict --adapter film --data new.csv --out labeled.csv',
  ],
  flags: { Flags: flags },
  positionals: true,
  repeated: ['checkpoint', 'adapter'],
  async run({ json, ...values }, positionals) {
    const { checkpoint: checkpoints, adapter: names, data, text_column, out, ...options } = checkFlags(flags, values)
    requireOneSource(positionals, data, checkpoints, names)
    if (out !== undefined) requireOneAdapter(data, [...checkpoints, ...names])
    if (out !== undefined && options.explain) throwExplainedFile()
    if (out !== undefined && out !== STDOUT_PATH) requireFreeFile(out)
    const file = data === undefined ? undefined : await readRows(data, { text_column, unlabelled: true })
    const texts = file?.rows.map(({ example }) => example.text) ?? positionals
    const progress = makeProgress()
    if (data && file) writeReading(progress, data, file)
    const onProgress = (done: number) => {
      if (texts.length > (options.explain ? 1 : MAX_INPUTS))
        progress.update({ done, total: texts.length, details: ['classified'] })
    }
    const { adapters, results } =
      names.length > 0
        ? await (await import('../store/predict-on-store.ts')).predictOnStore({ names, texts, ...options }, onProgress)
        : await classifyWithFolders(
            {
              checkpoints,
              texts,
              ...options,
              base: await fetchBase(options.base, progress),
              onPrecision: ({ precision, reason }) => {
                if (options.precision === 'auto') progress.writeLine(`${precision}: ${reason}`)
              },
            },
            onProgress,
          )
    progress.finish()
    if (out !== undefined && file) return writePredictions(file, results.flat(), out, json)
    const rows = results.flatMap((answers, i) =>
      answers.map((result, j) => [
        'error' in result ? 'error' : result.label,
        'error' in result ? '-' : result.score.toFixed(4),
        adapters[j].adapter,
        'error' in result ? result.error.detail : abbreviate(texts[i]),
      ]),
    )
    const warnings = results.flatMap((answers, i) => {
      const warning = answers.map((result) => ('error' in result ? undefined : result.warning)).find(Boolean)
      return warning === undefined ? [] : [`warning: ${abbreviate(texts[i])}: ${warning}`]
    })
    const explanations = results.flatMap((answers, i) =>
      answers.flatMap((result, j) =>
        'error' in result || !result.explanation
          ? []
          : explanationLines(`${adapters[j].adapter}: ${abbreviate(texts[i])}`, result.explanation),
      ),
    )
    printResult(json, { adapters, results }, [
      ...formatTable([['label', 'score', 'adapter', 'text'], ...rows]),
      ...warnings,
      ...explanations,
    ])
  },
}

const STDOUT_PATH = '-'

function writePredictions(file: RowFile, results: readonly ClassifyResult[], out: string, json: unknown): void {
  const text = addPredictions(file, results)
  if (out === STDOUT_PATH) return void process.stdout.write(text)
  writeFileWhole(out, text)
  const failed = results.filter((result) => 'error' in result).length
  printResult(json, { out, rows: results.length, failed }, [
    `${out}`,
    `${formatCount(results.length)} rows${failed > 0 ? `, ${formatCount(failed)} of them without a prediction (column error)` : ''}`,
  ])
}

/** @throws GraftError `usage` */
function throwExplainedFile(): never {
  return fail('usage', {
    subject: '--explain',
    problem: 'cannot be combined with --out, whose rows have no place for explanations',
    fix: 'Leave out --out, and add --json to get every word.',
  })
}

/** @throws GraftError `usage` unless one adapter classifies a file */
function requireOneAdapter(data: string | undefined, adapters: readonly string[]): void {
  if (data === undefined) fail('usage', { subject: '--out', problem: 'needs a file of texts', fix: 'Add --data FILE.' })
  if (adapters.length > 1)
    fail('usage', {
      subject: '--out',
      problem: 'takes the predictions of one adapter',
      fix: 'Name one adapter, and write a file for each of the others.',
    })
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
