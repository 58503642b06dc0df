import { adapter } from '../../platform/schemas/adapters.ts'
import { only, pageOf, pageRequest } from '../../platform/schemas/common.ts'
import { dataset } from '../../platform/schemas/datasets.ts'
import { listAdapters as adaptersOf } from '../../platform/use-cases/adapters.ts'
import { listDatasets as datasetsOf } from '../../platform/use-cases/datasets.ts'
import { type Detail, detail, fitting, shortAdapter, shortDataset } from '../summary.ts'
import { READS, type ToolAnswer, tool } from '../tool.ts'

const input = only({ ...pageRequest.shape, detail })

export const listAdapters = tool({
  name: 'list_adapters',
  title: 'List adapters',
  description: 'The adapters that can classify, the newest first, with their methods and what they were measured at.',
  input,
  output: pageOf(adapter.partial().required({ id: true, name: true })),
  scope: 'predict',
  annotations: READS,
  example: {},
  run: async (platform, { detail, ...page }) =>
    shown(await adaptersOf(platform, page), detail, shortAdapter, 'adapters'),
})

export const listDatasets = tool({
  name: 'list_datasets',
  title: 'List data sets',
  description: 'The data sets that can be trained or measured on, the newest first, with their labels and sizes.',
  input,
  output: pageOf(dataset.partial().required({ id: true, name: true })),
  scope: 'train',
  annotations: READS,
  example: {},
  run: async (platform, { detail, ...page }) =>
    shown(await datasetsOf(platform, page), detail, shortDataset, 'data sets'),
})

interface Page<T> {
  data: T[]
  next_cursor?: string
}

/** What does not fit in a summary begins the next page. */
function shown<T extends { id: string; name: string }, Short extends { id: string; name: string }>(
  page: Page<T>,
  detail: Detail,
  shorten: (item: T) => Short,
  what: string,
): ToolAnswer<Page<T | Short>> {
  const data = detail === 'full' ? page.data : fitting(page.data.map(shorten))
  const next_cursor = data.length < page.data.length ? data.at(-1)?.id : page.next_cursor
  const names = data.map(({ name }) => name).join(', ')
  return {
    structured: { data, ...(next_cursor !== undefined && { next_cursor }) },
    text:
      data.length === 0
        ? `There are no ${what} here.`
        : `${names}.${next_cursor === undefined ? '' : ` More: ${JSON.stringify({ cursor: next_cursor })}`}`,
  }
}
