import type { Adapter } from '../../platform/schemas/adapters.ts'
import type { BaseAnswer } from '../../platform/schemas/bases.ts'
import { exactObject } from '../../platform/schemas/common.ts'
import { type TrainingStatus, trainingStatus } from '../../platform/schemas/statuses.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import { listAdapters as readAdapters } from '../../platform/use-cases/adapters.ts'
import { listBases as readBases } from '../../platform/use-cases/bases.ts'
import { listDatasets as readDatasets } from '../../platform/use-cases/datasets.ts'
import { listTrainings as readTrainings } from '../../platform/use-cases/trainings.ts'
import { paging } from '../arguments.ts'
import {
  type Detail,
  detail,
  summarizeAdapter,
  summarizeBase,
  summarizeDataset,
  summarizeTraining,
  takeFitting,
} from '../summary.ts'
import { defineTool, type NextCall, READ_ONLY, type ToolResult } from '../tool.ts'
import { addDataset } from './add-dataset.ts'
import { launchTraining } from './launch-training.ts'
import { page } from './results.ts'

const input = exactObject({ ...paging, detail })

export const listDatasets = defineTool({
  name: 'list_datasets',
  title: 'List data sets',
  description: 'List the data sets to train or measure on, newest first, with their labels and sizes.',
  input,
  output: page,
  scope: 'train',
  annotations: READ_ONLY,
  example: {},
  run: async (platform, { detail, ...page }) => {
    const datasets = await readDatasets(platform, page)
    const nameOf = ({ name }: { name: string }) => name
    return toListResult(datasets, detail, summarizeDataset, { tool: 'list_datasets', args: page }, nameOf, {
      summary: 'There are no data sets yet. Add one with add_dataset.',
      next: exampleOf(addDataset),
    })
  },
})

export const listAdapters = defineTool({
  name: 'list_adapters',
  title: 'List adapters',
  description: 'List the adapters that can classify reviews, newest first, with their methods, accuracies and aliases.',
  input,
  output: page,
  scope: 'predict',
  annotations: READ_ONLY,
  example: {},
  run: async (platform, { detail, ...page }) => {
    const adapters = await readAdapters(platform, page)
    const nameOf = ({ name, aliases }: Adapter) => (aliases.length > 0 ? `${name} (${aliases.join(', ')})` : name)
    return toListResult(adapters, detail, summarizeAdapter, { tool: 'list_adapters', args: page }, nameOf, {
      summary: 'There are no adapters yet. Train one with launch_training.',
      next: exampleOf(launchTraining),
    })
  },
})

export const listTrainings = defineTool({
  name: 'list_trainings',
  title: 'List trainings',
  description: 'List the trainings, newest first, with their statuses, progress and accuracies.',
  input: exactObject({ status: trainingStatus.optional(), ...paging, detail }),
  output: page,
  scope: 'train',
  annotations: READ_ONLY,
  example: { status: 'running' },
  run: async (platform, { detail, ...page }) => {
    const trainings = await readTrainings(platform, page)
    const nameOf = ({ name, id, status }: Training) => `${name ?? id} ${status}`
    return toListResult(trainings, detail, summarizeTraining, { tool: 'list_trainings', args: page }, nameOf, {
      summary: `There are no ${page.status ? `${page.status} ` : ''}trainings. Start one with launch_training.`,
      next: exampleOf(launchTraining),
    })
  },
})

export const listBases = defineTool({
  name: 'list_bases',
  title: 'List bases',
  description: 'List the base models that adapters are trained on. Predictions need an adapter of the served one.',
  input,
  output: page,
  scope: 'predict',
  annotations: READ_ONLY,
  example: {},
  run: async (platform, { detail, ...page }) => {
    const bases = await readBases(platform, page)
    const nameOf = ({ name, served }: BaseAnswer) => (served ? `${name} (served)` : name)
    return toListResult(bases, detail, summarizeBase, { tool: 'list_bases', args: page }, nameOf, {
      summary: 'There are no more bases.',
    })
  },
})

const exampleOf = ({ name, example }: { name: string; example: NextCall['arguments'] }): NextCall => ({
  tool: name,
  arguments: example,
})

interface Page<T> {
  data: T[]
  next_cursor?: string
}

interface Call {
  tool: string
  args: { cursor?: string; limit?: number; status?: TrainingStatus }
}

/** The answer to a list without items. Only the first page says how to fill the list. */
type Empty = Pick<ToolResult<unknown>, 'summary' | 'next'>

/** Returns a page as a result. Items that do not fit in a summary start the next page. */
function toListResult<T extends { id: string }>(
  page: Page<T>,
  detail: Detail,
  summarize: (item: T) => object,
  { tool, args }: Call,
  nameOf: (item: T) => string,
  empty: Empty,
): ToolResult<Page<object>> {
  const summaries = detail === 'full' ? page.data : takeFitting(page.data.map(summarize))
  const shown = page.data.slice(0, summaries.length)
  const next_cursor = shown.length < page.data.length ? shown.at(-1)?.id : page.next_cursor
  const structured = { data: summaries, ...(next_cursor !== undefined && { next_cursor }) }
  if (shown.length === 0)
    return { ...(args.cursor === undefined ? empty : { summary: 'There are no more.' }), structured }
  return {
    summary: `${shown.map(nameOf).join(', ')}.${next_cursor === undefined ? '' : ' More follow.'}`,
    ...(next_cursor !== undefined && { next: { tool, arguments: { ...args, cursor: next_cursor } } }),
    structured,
  }
}
