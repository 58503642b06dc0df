import { resolve } from 'node:path'
import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { compareCheckpoints } from '../../platform/offline/compare.ts'
import { folderNames } from '../../platform/offline/folder-names.ts'
import { MAX_COMPARED } from '../../platform/schemas/comparisons.ts'
import type { FileReading } from '../../platform/schemas/datasets.ts'
import { checkFlags } from '../check-flags.ts'
import { columnFlags } from '../column-flags.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { baseFlag, fetchBase } from '../hub-progress.ts'
import { formatComparison } from '../lines/comparison.ts'
import { writeReading } from '../lines/reading.ts'
import { printResult } from '../output.ts'
import { makeProgress, type Progress } from '../progress.ts'

const flags = {
  checkpoint: z
    .array(z.string())
    .default([])
    .describe('Folder of an adapter or a model. Repeat the flag for each one.'),
  adapter: z.array(z.string()).default([]).describe('Name of an adapter in the store. Repeat the flag for each one.'),
  data: z
    .string()
    .describe('Labeled reviews that no adapter was trained on, in a format of docs/data.md, plain or .gz.'),
  ...columnFlags,
  base: baseFlag,
  threads: z.int().positive().optional().describe('Number of threads. Defaults to one per core.'),
  device: deviceFlag,
}

export const compare: Command = {
  summary: 'Compare adapters on the same reviews',
  usage: 'compare (--checkpoint DIR ... | --adapter NAME ...) --data FILE',
  about: `All adapters classify the same reviews. The report shows which one is better, or that the reviews are
too few to tell. It has the accuracies with 95 % Wilson intervals; for each pair, the difference with
a 95 % interval of the paired bootstrap, wins and losses, the exact McNemar p with Holm's adjustment,
and the smallest difference that this many reviews would detect; the accuracy by length and by label;
and the reviews on which the adapters disagree. See docs/comparing.md for how to read it.`,
  examples: [
    'graft compare --checkpoint film-lora --checkpoint film-adapter --data test.jsonl.gz',
    'graft compare --adapter film-lora --adapter film-adapter --data test.jsonl.gz --json',
  ],
  flags: { Flags: flags },
  repeated: ['checkpoint', 'adapter'],
  async run({ json, ...values }) {
    const {
      checkpoint: folders,
      adapter: names,
      base,
      text_column,
      label_column,
      ...options
    } = checkFlags(flags, values)
    const reading = { text_column, label_column }
    requireDistinct(folders, names)
    const progress = makeProgress()
    const onRead = (read: FileReading) => writeReading(progress, options.data, read)
    const request = { ...options, reading, onRead }
    const comparison =
      names.length > 0
        ? await (await import('../store/short-work-on-store.ts')).compareOnStore({
            adapters: names,
            base,
            ...request,
          })
        : await compareCheckpoints({ adapters: await withBase(folders, base, progress), ...request }, (done, total) =>
            progress.update({ done, total, details: ['classified'] }),
          )
    progress.finish()
    printResult(json, comparison, formatComparison(comparison))
  },
}

async function withBase(folders: readonly string[], base: string | undefined, progress: Progress) {
  const folder = await fetchBase(base, progress)
  return folderNames(folders).map((name, i) => ({ name, base: folder, checkpoint: folders[i] }))
}

/** @throws GraftError `usage` unless there are 2 to 8 different adapters */
function requireDistinct(folders: readonly string[], names: readonly string[]): void {
  const [flag, given] = names.length > 0 ? ['--adapter', names] : ['--checkpoint', folders.map((path) => resolve(path))]
  const repeated = given.find((name, i) => given.indexOf(name) < i)
  if (folders.length > 0 && names.length > 0)
    fail('usage', { subject: flag, problem: 'cannot be combined with --checkpoint', fix: 'Use only one of them.' })
  if (given.length < 2 || given.length > MAX_COMPARED)
    fail('usage', {
      subject: flag,
      expected: `2 to ${MAX_COMPARED} adapters`,
      found: given.length === 0 ? 'none' : String(given.length),
      fix: 'Repeat --checkpoint DIR or --adapter NAME for each adapter.',
    })
  if (repeated !== undefined)
    fail('usage', {
      subject: flag,
      expected: 'each adapter once',
      found: `${repeated} twice`,
      fix: 'Name each adapter once.',
    })
}
