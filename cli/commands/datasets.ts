import { z } from 'zod'
import type { Dataset } from '../../platform/schemas/datasets.ts'
import type { Command } from '../command.ts'
import { print, table } from '../output.ts'
import { grouped } from '../progress.ts'
import { required } from '../required.ts'
import { allPages, getJson } from '../store/api.ts'
import { datasetOfFile, uploadFile } from '../store/datasets.ts'
import { doVerb, oneWord } from '../store/verbs.ts'
import { withApi } from '../store/with-api.ts'

const flags = { name: z.string().optional().describe('add: the name that it shall bear; one of the file where absent') }

export const datasets: Command = {
  summary: 'List the data sets of the store; add and remove them.',
  usage: 'datasets [list | show NAME | add FILE [--name N] | remove NAME]',
  about: `Works on the store: through the server that serves GRAFT_HOME (or GRAFT_URL) where one runs. A file is JSONL lines {"text": …, "label": …} or a
CSV with those columns, plain or .gz; it is kept once every line of it was read.`,
  examples: ['graft datasets', 'graft datasets add train.jsonl.gz --name imdb'],
  flags: { Datasets: flags },
  positionals: true,
  async run({ json, ...values }, words) {
    const { name } = required(flags, values)
    await withApi(async (api) =>
      doVerb(
        {
          list: async () => {
            const data = await Array.fromAsync(allPages<Dataset>(api, '/v1/datasets'))
            print(
              json,
              { data },
              data.length > 0 ? listed(data) : ['There is no data set yet: graft datasets add FILE adds one.'],
            )
          },
          show: async (rest) => {
            const asked = oneWord(rest, 'the name of a data set')
            const dataset = await getJson<Dataset>(api, `/v1/datasets/${encodeURIComponent(asked)}`)
            print(json, dataset, listed([dataset]))
          },
          add: async (rest) => {
            const file = oneWord(rest, 'a file of reviews')
            const dataset = await (name === undefined ? datasetOfFile(api, file) : uploadFile(api, file, name))
            print(json, dataset, listed([dataset]))
          },
          remove: async (rest) => {
            const asked = oneWord(rest, 'the name of a data set')
            await api.request(`/v1/datasets/${encodeURIComponent(asked)}`, { method: 'DELETE' })
            print(json, { removed: asked }, [`removed ${asked}`])
          },
        },
        words,
        'list',
      ),
    )
  },
}

function listed(data: readonly Dataset[]): string[] {
  return table([
    ['name', 'reviews', 'labels', 'twice', 'bytes', 'added'],
    ...data.map(({ name, rows, labels, duplicates, bytes, created_at }) => [
      name,
      grouped(rows),
      Object.entries(labels)
        .map(([label, count]) => `${label} ${grouped(count)}`)
        .join(', '),
      grouped(duplicates),
      grouped(bytes),
      created_at.slice(0, 16).replace('T', ' '),
    ]),
  ])
}
