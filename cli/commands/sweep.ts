import { z } from 'zod'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { requireArgument } from '../subcommands.ts'
import { readGrid } from '../sweep/grid.ts'
import { reportFiles } from '../sweep/report-files.ts'
import { runFlags, runSweepCommand } from '../sweep/run-command.ts'

const flags = {
  out: z.string().optional().describe('Folder of the report. Defaults to the name of the grid.'),
  report: z
    .string()
    .optional()
    .describe('Markdown file of the report, instead of --out. Its other files are beside it.'),
  ...runFlags,
}

export const sweep: Command = {
  summary: 'Train a grid of methods over several seeds and write one report',
  usage: 'sweep GRID.yaml [--out DIR | --report FILE] [--plan]',
  about: `A grid names the data and the configurations to train (docs/sweeps.md). Each is trained for each seed, in
the store: by the workers of the running server or of DATABASE_URL, or else in this process. The report
has a table of accuracies with intervals, a verdict for each claim, and charts, as Markdown, JSON and SVG.

A training that is in the store is not repeated, so a sweep can be interrupted at any moment, even by a
crash: run the same command to continue. This is a grid. Its folder of reviews has the files train.jsonl.gz
and test.jsonl.gz.

  data: reviews
  seeds: 3
  defaults: {epochs: 1}
  rows:
    - {name: LoRA 8, method: lora, rank: 8}
    - {name: LoRA 1, method: lora, rank: 1, published: 88.5}
  claims:
    - {better: LoRA 8, worse: LoRA 1, says: rank 8 beats rank 1}`,
  examples: ['graft sweep grid.yaml', 'graft sweep grid.yaml --plan', 'graft sweep grid.yaml --report docs/results.md'],
  flags: { Flags: flags },
  positionals: true,
  async run({ json, ...values }, positionals) {
    const { out, report, ...options } = checkFlags(flags, values)
    const grid = await readGrid(requireArgument(positionals, 'the file of a grid'))
    const files = reportFiles(report === undefined ? { folder: out ?? grid.name } : { markdown: report })
    await runSweepCommand(grid, { ...options, files, json })
  },
}
