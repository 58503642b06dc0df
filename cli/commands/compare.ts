import { resolve } from 'node:path'
import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { compareCheckpoints } from '../../platform/offline/compare.ts'
import { folderNames } from '../../platform/offline/folder-names.ts'
import { locatePipeline, namePipelines } from '../../platform/offline/pipeline.ts'
import { parseReportPath, writeReport } from '../../platform/offline/report-files.ts'
import { MAX_COMPARED } from '../../platform/schemas/comparisons.ts'
import type { FileReading } from '../../platform/schemas/datasets.ts'
import { pipelineDtype, pipelineLabels } from '../../platform/schemas/pipelines.ts'
import { checkFlags } from '../check-flags.ts'
import { columnFlags } from '../column-flags.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { baseFlag, fetchBase } from '../hub-progress.ts'
import { formatComparison } from '../lines/comparison.ts'
import { writeReading } from '../lines/reading.ts'
import { printResult } from '../output.ts'
import { makeProgress } from '../progress.ts'

const flags = {
  checkpoint: z
    .array(z.string())
    .default([])
    .describe('Folder of an adapter or a model. Repeat the flag for each one.'),
  adapter: z.array(z.string()).default([]).describe('Name of an adapter in the store. Repeat the flag for each one.'),
  pipeline: z
    .array(z.string())
    .default([])
    .describe(
      'Text classifier to compare them with: a folder that transformers.js can load, or its name on the hub. Repeat the flag for each one.',
    ),
  pipeline_labels: pipelineLabels
    .optional()
    .describe('Label that each label of the pipelines means. Defaults to finding it by their names.'),
  pipeline_dtype: pipelineDtype
    .optional()
    .describe('Element type of the weights of the pipelines, which selects their files. Defaults to fp32.'),
  data: z
    .string()
    .describe('Labeled reviews that no adapter was trained on, in a format of docs/data.md, plain or .gz.'),
  ...columnFlags,
  report: z
    .string()
    .optional()
    .describe(
      'File to write the report to, as a page of HTML: NAME.html. A folder, as in NAME/, also gets each chart as SVG.',
    ),
  base: baseFlag,
  threads: z.int().positive().optional().describe('Number of threads. Defaults to one per core.'),
  device: deviceFlag,
}

export const compare: Command = {
  summary: 'Compare adapters on the same reviews',
  usage: 'compare (--checkpoint DIR ... | --adapter NAME ...) [--pipeline MODEL ...] --data FILE [--report FILE.html]',
  about: `All adapters classify the same reviews. The report shows which one is better, or that the reviews are
too few to tell. It has the accuracies with 95 % Wilson intervals; for each pair, the difference with
a 95 % interval of the paired bootstrap, wins and losses, the exact McNemar p with Holm's adjustment,
and the smallest difference that this many reviews would detect; the accuracy by length and by label;
and the reviews on which the adapters disagree. See docs/comparing.md for how to read it.

With --report, the same is written as a page of HTML, with charts. It needs no other file and no network.

A pipeline is a text classifier that is already there, such as one from the hub. It runs in a process of
its own and needs the package @huggingface/transformers. With one, a single adapter can be compared. If a
server runs, it compares adapters of the store with pipelines of the hub, and keeps the comparison.
Otherwise this process compares them, and the store does not keep it.`,
  examples: [
    'graft compare --checkpoint film-lora --checkpoint film-adapter --data test.jsonl.gz',
    'graft compare --adapter film-lora --adapter film-adapter --data test.jsonl.gz --json',
    'graft compare --adapter film-lora --adapter film-adapter --data test.jsonl.gz --report report.html',
    'graft compare --adapter film --pipeline ./my-classifier --data test.jsonl.gz',
  ],
  flags: { Flags: flags },
  repeated: ['checkpoint', 'adapter', 'pipeline'],
  async run({ json, ...values }) {
    const {
      checkpoint: folders,
      adapter: names,
      pipeline: models,
      pipeline_labels,
      pipeline_dtype,
      base,
      text_column,
      label_column,
      report,
      ...options
    } = checkFlags(flags, values)
    const reading = { text_column, label_column }
    requireDistinct(folders, names, models)
    const reportPath = report === undefined ? undefined : await parseReportPath(report)
    const pipelines = models.map((model) => ({
      ...locatePipeline(model),
      labels: pipeline_labels,
      dtype: pipeline_dtype,
    }))
    const progress = makeProgress()
    const onRead = (read: FileReading) => writeReading(progress, options.data, read)
    const request = { ...options, reading, onRead }
    const compareFolders = async (adapters: readonly { name: string; checkpoint: string }[]) => {
      const folder = await fetchBase(base, progress)
      return compareCheckpoints(
        {
          ...request,
          adapters: adapters.map((adapter) => ({ ...adapter, base: folder })),
          pipelines: namePipelines(
            pipelines,
            adapters.map(({ name }) => name),
          ),
        },
        (done, total) => progress.update({ done, total, details: ['classified'] }),
      )
    }
    const compareNamed = async () =>
      pipelines.length === 0 || (await canServerRun(pipelines))
        ? (await import('../store/short-work-on-store.ts')).compareOnStore({
            adapters: names,
            pipelines: pipelines.map(({ isFolder: _, ...pipeline }) => pipeline),
            base,
            ...request,
          })
        : (await import('../store/adapter-folders.ts')).withAdapterFolders(names, compareFolders)
    const comparison =
      names.length > 0
        ? await compareNamed()
        : await compareFolders(folderNames(folders).map((name, i) => ({ name, checkpoint: folders[i] })))
    progress.finish()
    if (reportPath) progress.writeLine(`The report is in ${await writeReport(reportPath, comparison)}.`)
    printResult(json, comparison, formatComparison(comparison))
  },
}

/** Returns whether a server is running and could run the pipelines. It has no folders of this process. */
const canServerRun = async (pipelines: readonly { isFolder: boolean }[]): Promise<boolean> =>
  pipelines.every(({ isFolder }) => !isFolder) && (await import('../store/with-api.ts')).isServerRunning()

/** @throws GraftError `usage` unless there are two to eight, all different, and at least one of them is an adapter */
function requireDistinct(folders: readonly string[], names: readonly string[], pipelines: readonly string[]): void {
  const [flag, given] = names.length > 0 ? ['--adapter', names] : ['--checkpoint', folders.map((path) => resolve(path))]
  const all = given.length + pipelines.length
  if (folders.length > 0 && names.length > 0)
    fail('usage', { subject: flag, problem: 'cannot be combined with --checkpoint', fix: 'Use only one of them.' })
  if (given.length === 0 || all < 2 || all > MAX_COMPARED)
    fail('usage', {
      subject: flag,
      expected: `2 to ${MAX_COMPARED} adapters, or at least one with a pipeline`,
      found: given.length === 0 ? 'none' : String(all),
      fix: 'Repeat --checkpoint DIR or --adapter NAME for each adapter.',
    })
  for (const [flagOfList, list] of [
    [flag, given],
    ['--pipeline', pipelines],
  ] as const) {
    const repeated = list.find((name, i) => list.indexOf(name) < i)
    if (repeated !== undefined)
      fail('usage', {
        subject: flagOfList,
        expected: 'each name once',
        found: `${repeated} twice`,
        fix: 'Leave out one of them.',
      })
  }
}
