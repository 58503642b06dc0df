import { z } from 'zod'
import { formatCount } from '../../core/format-count.ts'
import { countRequest } from '../../platform/schemas/parameters.ts'
import { methodFields } from '../../platform/schemas/trainings.ts'
import { countParameters as count, countPublishedMethods } from '../../platform/use-cases/count-parameters.ts'
import { describeOnly } from '../arguments.ts'
import { detail } from '../summary.ts'
import { defineTool, READ_ONLY } from '../tool.ts'
import { object } from './results.ts'

export const countParameters = defineTool({
  name: 'count_parameters',
  title: 'Count parameters',
  description:
    'Count the parameters that a method trains on a base, and all parameters of the resulting model. Set method and its fields. base defaults to the served one; t5-small is always known. To count an existing adapter, set only adapter. Without method and adapter, the result is the table of a published comparison on t5-small.',
  // The method rejects the fields of other methods, because it knows its own.
  input: z.looseObject({ ...describeOnly([], methodFields), ...countRequest.shape, detail }),
  output: z.object({
    trainable: z.int().optional(),
    total: z.int().optional(),
    rows: z.array(object).optional(),
  }),
  scope: 'predict',
  annotations: READ_ONLY,
  example: { method: 'lora', rank: 8 },
  async run(platform, { detail, ...request }) {
    const { method, adapter, base, ...fields } = request
    if (method === undefined && adapter === undefined && Object.keys(fields).length === 0) {
      const table = await countPublishedMethods(platform, base)
      return { summary: `What ${table.rows.length} published methods train on ${table.base}.`, structured: table }
    }
    const { groups, ...counts } = await count(platform, request)
    const { trainable, total, percent } = counts
    return {
      structured: { ...counts, ...(detail === 'full' && groups && { groups }) },
      summary: `${formatCount(trainable)} of ${formatCount(total)} parameters are trained (${percent.toPrecision(3)} %).`,
    }
  },
})
