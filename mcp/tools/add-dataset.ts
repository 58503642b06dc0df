import { z } from 'zod'
import { exactObject, text } from '../../platform/schemas/common.ts'
import { type Dataset, datasetUpload } from '../../platform/schemas/datasets.ts'
import { uploadDataset } from '../../platform/use-cases/datasets.ts'
import { summarizeDataset } from '../summary.ts'
import { defineTool, type ToolResult } from '../tool.ts'
import { object } from './results.ts'

const { name } = datasetUpload.shape

const row = exactObject({
  text,
  label: z.union([z.string(), z.number(), z.boolean()], { error: 'a label' }),
})

export const addDataset = defineTool({
  name: 'add_dataset',
  title: 'Add a data set',
  description:
    'Store labeled reviews under a new name, to train or measure on. Every row is validated first; an error names the row as a line. Keep some rows apart as a second data set for test_dataset.',
  input: exactObject({
    name,
    rows: z
      .array(row, { error: 'a list of rows with text and label' })
      .min(1, 'at least one row')
      .describe('The reviews. A larger set needs several labels and about 100 rows or more.'),
  }),
  output: z.object({ dataset: object }),
  scope: 'train',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  example: {
    name: 'films',
    rows: [
      { text: 'A joy from start to finish.', label: 'positive' },
      { text: 'Two hours I want back.', label: 'negative' },
    ],
  },
  run: async (platform, { name, rows }, { signal }) =>
    toAddedResult(await uploadDataset(platform, { name }, toJsonLines(rows), signal)),
})

async function* toJsonLines(rows: readonly object[]): AsyncGenerator<Uint8Array> {
  for (const row of rows) yield Buffer.from(`${JSON.stringify(row)}\n`)
}

export function toAddedResult(dataset: Dataset): ToolResult<{ dataset: object }> {
  const { name, rows, labels } = dataset
  const counts = Object.entries(labels).map(([label, count]) => `${count} ${label}`)
  return {
    summary: `${name} has ${rows} reviews: ${counts.slice(0, 10).join(', ')}${counts.length > 10 ? ', …' : ''}.`,
    next: { tool: 'launch_training', arguments: { dataset: name, plan_only: true } },
    structured: { dataset: summarizeDataset(dataset) },
  }
}
