import { z } from 'zod'
import { countRequest, parameterCount } from '../../platform/schemas/parameters.ts'
import { methodFields } from '../../platform/schemas/trainings.ts'
import { countParameters as count } from '../../platform/use-cases/count-parameters.ts'
import { detail } from '../summary.ts'
import { defineTool, READ_ONLY } from '../tool.ts'

export const countParameters = defineTool({
  name: 'count_parameters',
  title: 'Count parameters',
  description:
    'Count the parameters that a method trains on a base, and all parameters of the resulting model. Set method and its fields. base defaults to t5-small. To count an existing adapter, set only adapter. formula shows the calculation. With detail: "full" the result lists the trained tensors, grouped by name and shape.',
  // The method rejects the fields of other methods, because it knows its own.
  input: z.looseObject({ ...methodFields, ...countRequest.shape, detail }),
  output: parameterCount,
  scope: 'predict',
  annotations: READ_ONLY,
  example: { method: 'lora', rank: 8 },
  async run(platform, { detail, ...request }) {
    const { groups, ...counts } = await count(platform, request)
    const { trainable, total, percent } = counts
    return {
      structured: { ...counts, ...(detail === 'full' && groups && { groups }) },
      text: `${trainable.toLocaleString('en')} of ${total.toLocaleString('en')} parameters are trained (${percent.toPrecision(3)} %).`,
    }
  },
})
