import { resolve } from 'node:path'
import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { baseFolder } from '../../platform/offline/bases.ts'
import { compareCheckpoints } from '../../platform/offline/compare.ts'
import { folderNames } from '../../platform/offline/folder-names.ts'
import { MAX_COMPARED } from '../../platform/schemas/comparisons.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { comparisonLines } from '../lines/comparison.ts'
import { print } from '../output.ts'
import { bar, progressTo } from '../progress.ts'
import { required } from '../required.ts'

const flags = {
  checkpoint: z.array(z.string()).default([]).describe('folder of an adapter or a model; two or more'),
  adapter: z.array(z.string()).default([]).describe('an adapter of the store instead, by its name; two or more'),
  data: z.string().describe('labelled reviews: JSONL or CSV, plain or .gz; none that an adapter was trained on'),
  base: z.string().optional().describe('folder of the base of --checkpoint; the embedded one where absent'),
  threads: z.int().positive().optional().describe('one for each core where absent'),
  device: deviceFlag,
}

export const compare: Command = {
  summary: 'Find out which of several adapters is better, and whether the data can tell.',
  usage: 'compare --checkpoint DIR --checkpoint DIR …|--adapter NAME --adapter NAME … --data FILE',
  about: `All answer the same reviews. The report tells accuracies with 95 % Wilson intervals; for each pair the difference with a 95 % interval of the paired
bootstrap, wins and losses, the exact McNemar p with Holm's adjustment, and the smallest difference that so many reviews would have shown; accuracy
by length and label; and the reviews on which the adapters contradict each other. docs/comparing.md tells how to read it.`,
  examples: [
    'graft compare --checkpoint film-lora --checkpoint film-adapter --data test.jsonl.gz',
    'graft compare --adapter film-lora --adapter film-adapter --data test.jsonl.gz --json',
  ],
  flags: { Comparison: flags },
  repeated: ['checkpoint', 'adapter'],
  async run({ json, ...values }) {
    const { checkpoint: folders, adapter: names, data, base, threads, device } = required(flags, values)
    requireSeveral(folders, names)
    const progress = progressTo()
    const comparison =
      names.length > 0
        ? await (await import('../store/short-work-on-store.ts')).compareOnStore({
            adapters: names,
            data,
            base,
            threads,
            device,
          })
        : await compareCheckpoints(
            {
              adapters: folderNames(folders).map((name, i) => ({
                name,
                base: baseFolder(base),
                checkpoint: folders[i],
              })),
              data,
              threads,
              device,
            },
            (done, of) => progress.update(`${bar(done, of)}  answered`),
          )
    progress.end()
    print(json, comparison, comparisonLines(comparison))
  },
}

/** @throws GraftError `usage` */
function requireSeveral(folders: readonly string[], names: readonly string[]): void {
  const [flag, given] = names.length > 0 ? ['--adapter', names] : ['--checkpoint', folders.map((path) => resolve(path))]
  const twice = given.find((one, i) => given.indexOf(one) < i)
  const fix =
    'Name each that is to be compared once: --checkpoint DIR --checkpoint DIR, or --adapter NAME --adapter NAME.'
  const refuse = (expected: string, found: string) => fail('usage', { subject: flag, expected, found, fix })
  if (folders.length > 0 && names.length > 0) refuse('nothing of the kind beside --checkpoint', names.join(', '))
  if (given.length < 2 || given.length > MAX_COMPARED)
    refuse(`2 to ${MAX_COMPARED} adapters`, given.length === 0 ? 'none' : String(given.length))
  if (twice !== undefined) refuse('each adapter once', `${twice} twice`)
}
