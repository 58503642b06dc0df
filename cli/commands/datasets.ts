import { z } from 'zod'
import { formatCount } from '../../core/format-count.ts'
import { type Dataset, datasetReading } from '../../platform/schemas/datasets.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { formatReading } from '../lines/reading.ts'
import { formatFindings } from '../lines/training.ts'
import { formatTable, formatTime, printResult } from '../output.ts'
import { ensureDataset, uploadFile } from '../store/datasets.ts'
import { withApi } from '../store/with-api.ts'
import { requireArgument, runSubcommand } from '../subcommands.ts'

const flags = {
  name: z.string().optional().describe('For add: name of the data set. Defaults to a name derived from the file.'),
}
/** Flags of `add` that say how the file is read. */
const { shape: readingFlags } = datasetReading

export const datasets: Command = {
  summary: 'List, add and remove data sets',
  usage: 'datasets [list | show NAME | add FILE [--name NAME] [flags] | remove NAME]',
  about: `These commands use the store through the server at GRAFT_URL or the server of GRAFT_HOME, or directly
if no server is running.

A file is JSON lines {"text": ..., "label": ...}, a JSON array, CSV, TSV or the format of fastText, plain
or .gz. docs/data.md describes what is read. It is added only if every line is valid, unless bad lines
are skipped.`,
  examples: [
    'graft datasets',
    'graft datasets add train.jsonl.gz --name imdb',
    'graft datasets add reviews.csv --text-column body --label-column stars --skip-bad',
  ],
  flags: { Flags: flags, 'Flags of add': readingFlags },
  positionals: true,
  async run({ json, ...values }, positionals) {
    const { name, ...reading } = checkFlags({ ...flags, ...readingFlags }, values)
    await withApi(async (api) =>
      runSubcommand(
        {
          list: async () => {
            const data = await Array.fromAsync(api.datasets.list())
            printResult(
              json,
              { data },
              data.length > 0 ? formatDatasets(data) : ['No data sets yet. To add one, run: graft datasets add FILE'],
            )
          },
          show: async (args) => {
            const name = requireArgument(args, 'the name of a data set')
            const dataset = await api.datasets.get(name)
            printResult(json, dataset, formatNewDataset(dataset))
          },
          add: async (args) => {
            const file = requireArgument(args, 'a file of reviews')
            const dataset = await (name === undefined
              ? ensureDataset(api, file, reading)
              : uploadFile(api, file, name, reading))
            printResult(json, dataset, formatNewDataset(dataset))
          },
          remove: async (args) => {
            const name = requireArgument(args, 'the name of a data set')
            await api.datasets.remove(name)
            printResult(json, { removed: name }, [`Removed ${name}`])
          },
        },
        positionals,
        'list',
      ),
    )
  },
}

const formatNewDataset = (dataset: Dataset): string[] => [
  ...formatDatasets([dataset]),
  ...formatReading(dataset.name, dataset),
  ...formatFindings(dataset.findings),
]

function formatDatasets(data: readonly Dataset[]): string[] {
  return formatTable([
    ['name', 'reviews', 'labels', 'duplicates', 'bytes', 'added'],
    ...data.map(({ name, rows, labels, duplicates, bytes, created_at }) => [
      name,
      formatCount(rows),
      Object.entries(labels)
        .map(([label, count]) => `${label} ${formatCount(count)}`)
        .join(', '),
      formatCount(duplicates),
      formatCount(bytes),
      formatTime(created_at),
    ]),
  ])
}
