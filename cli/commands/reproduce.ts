import { z } from 'zod'
import { publishedGrid } from '../../platform/offline/published-methods.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { baseFlag } from '../hub-progress.ts'
import { readGrid } from '../sweep/grid.ts'
import { reportFiles } from '../sweep/report-files.ts'
import { runFlags, runSweepCommand } from '../sweep/run-command.ts'

const flags = {
  data: z.string().describe('Folder with the reviews: train.jsonl.gz and test.jsonl.gz.'),
  base: baseFlag,
  seeds: z.int().min(1).max(100).optional().describe('Number of trainings for each row. Defaults to 3.'),
  epochs: z.number().positive().optional().describe('Number of passes over the data. Defaults to 1.'),
  out: z.string().default('results.md').describe('Markdown file of the report. Its other files are beside it.'),
  ...runFlags,
}

export const reproduce: Command = {
  summary: 'Train the methods of a published comparison and write a report',
  usage: 'reproduce --data DIR [--base DIR] [--seeds N] [--out FILE]',
  about: `Runs graft sweep with the grid published/imdb-t5-small.yaml: full fine-tuning, soft prompts, bottleneck
adapters and LoRA, as published for T5-small on reviews of IMDB, and the claims of that comparison. The
report shows each accuracy beside the published one. An interrupted run continues when it is run again.`,
  examples: ['graft reproduce --data imdb --plan', 'graft reproduce --data imdb --base t5-small --out results.md'],
  flags: { Flags: flags },
  async run({ json, ...values }) {
    const { data, base, seeds, epochs, out, ...options } = checkFlags(flags, values)
    const defaults = epochs === undefined ? {} : { epochs }
    const grid = await readGrid(publishedGrid, { data, base, seeds, defaults })
    await runSweepCommand(grid, { ...options, files: reportFiles({ markdown: out }), json })
  },
}
