import { z } from 'zod'
import type { Dataset } from '../../platform/schemas/datasets.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { formatTable, formatTime, printResult } from '../output.ts'
import { formatCount } from '../progress.ts'
import { getJson, listAll } from '../store/api.ts'
import { ensureDataset, uploadFile } from '../store/datasets.ts'
import { withApi } from '../store/with-api.ts'
import { requireArgument, runSubcommand } from '../subcommands.ts'

const flags = {
  name: z.string().optional().describe('For add: name of the data set. Defaults to a name derived from the file.'),
}

export const datasets: Command = {
  summary: 'List, add and remove data sets',
  usage: 'datasets [list | show NAME | add FILE [--name NAME] | remove NAME]',
  about: `These commands use the store through the server at GRAFT_URL or the server of GRAFT_HOME, or directly
if no server is running.

A file is JSONL with lines {"text": ..., "label": ...}, or CSV with these columns, plain or .gz.
It is added only if every line is valid.`,
  examples: ['graft datasets', 'graft datasets add train.jsonl.gz --name imdb'],
  flags: { Flags: flags },
  positionals: true,
  async run({ json, ...values }, positionals) {
    const { name } = checkFlags(flags, values)
    await withApi(async (api) =>
      runSubcommand(
        {
          list: async () => {
            const data = await Array.fromAsync(listAll<Dataset>(api, '/v1/datasets'))
            printResult(
              json,
              { data },
              data.length > 0 ? formatDatasets(data) : ['No data sets yet. To add one, run: graft datasets add FILE'],
            )
          },
          show: async (args) => {
            const name = requireArgument(args, 'the name of a data set')
            const dataset = await getJson<Dataset>(api, `/v1/datasets/${encodeURIComponent(name)}`)
            printResult(json, dataset, formatDatasets([dataset]))
          },
          add: async (args) => {
            const file = requireArgument(args, 'a file of reviews')
            const dataset = await (name === undefined ? ensureDataset(api, file) : uploadFile(api, file, name))
            printResult(json, dataset, formatDatasets([dataset]))
          },
          remove: async (args) => {
            const name = requireArgument(args, 'the name of a data set')
            await api.request(`/v1/datasets/${encodeURIComponent(name)}`, { method: 'DELETE' })
            printResult(json, { removed: name }, [`Removed ${name}`])
          },
        },
        positionals,
        'list',
      ),
    )
  },
}

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
