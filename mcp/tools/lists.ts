import { adapter } from '../../platform/schemas/adapters.ts'
import { exactObject, pageOf, pageRequest } from '../../platform/schemas/common.ts'
import { dataset } from '../../platform/schemas/datasets.ts'
import { listAdapters as readAdapters } from '../../platform/use-cases/adapters.ts'
import { listDatasets as readDatasets } from '../../platform/use-cases/datasets.ts'
import { type Detail, detail, summarizeAdapter, summarizeDataset, takeFitting } from '../summary.ts'
import { defineTool, READ_ONLY, type ToolResult } from '../tool.ts'

const input = exactObject({ ...pageRequest.shape, detail })

const PAGING = 'For the next page, call again with cursor set to next_cursor.'

export const listAdapters = defineTool({
  name: 'list_adapters',
  title: 'List adapters',
  description: `List the adapters that can classify reviews, newest first, with their methods and measured accuracies. ${PAGING}`,
  input,
  output: pageOf(adapter.partial().required({ id: true, name: true })),
  scope: 'predict',
  annotations: READ_ONLY,
  example: {},
  run: async (platform, { detail, ...page }) =>
    toListResult(await readAdapters(platform, page), detail, summarizeAdapter, 'adapters'),
})

export const listDatasets = defineTool({
  name: 'list_datasets',
  title: 'List data sets',
  description: `List the data sets that you can train or measure on, newest first, with their labels and sizes. ${PAGING}`,
  input,
  output: pageOf(dataset.partial().required({ id: true, name: true })),
  scope: 'train',
  annotations: READ_ONLY,
  example: {},
  run: async (platform, { detail, ...page }) =>
    toListResult(await readDatasets(platform, page), detail, summarizeDataset, 'data sets'),
})

interface Page<T> {
  data: T[]
  next_cursor?: string
}

/** Returns a page as a result. Items that do not fit in a summary start the next page. */
function toListResult<T extends { id: string; name: string }, Summary extends { id: string; name: string }>(
  page: Page<T>,
  detail: Detail,
  summarize: (item: T) => Summary,
  noun: string,
): ToolResult<Page<T | Summary>> {
  const data = detail === 'full' ? page.data : takeFitting(page.data.map(summarize))
  const next_cursor = data.length < page.data.length ? data.at(-1)?.id : page.next_cursor
  const names = data.map(({ name }) => name).join(', ')
  const next = next_cursor === undefined ? '' : ` Next page: ${JSON.stringify({ cursor: next_cursor })}`
  return {
    structured: { data, ...(next_cursor !== undefined && { next_cursor }) },
    text: data.length === 0 ? `There are no ${noun} yet.` : `${names}.${next}`,
  }
}
