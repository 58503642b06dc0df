import { z } from 'zod'
import { countRequest, parameterCount } from '../../platform/schemas/parameters.ts'
import { methodFields } from '../../platform/schemas/trainings.ts'
import { countParameters as count } from '../../platform/use-cases/count-parameters.ts'
import { detail } from '../summary.ts'
import { READS, tool } from '../tool.ts'

export const countParameters = tool({
  name: 'count_parameters',
  title: 'Count parameters',
  description:
    'How many parameters a method trains on a base (t5-small unless named), and how many there are in all, with the sum in figures; or what an adapter trained, named alone. full adds the tensors by family.',
  // A field of another method is refused by the method, which knows what it takes.
  input: z.looseObject({ ...methodFields, ...countRequest.shape, detail }),
  output: parameterCount,
  scope: 'predict',
  annotations: READS,
  example: { method: 'lora', rank: 8 },
  async run(platform, { detail, ...request }) {
    const { groups, ...counts } = await count(platform, request)
    const { trainable, total, percent } = counts
    return {
      structured: { ...counts, ...(detail === 'full' && groups && { groups }) },
      text: `${trainable.toLocaleString('en')} trained of ${total.toLocaleString('en')} in all: ${percent.toPrecision(3)} %.`,
    }
  },
})
