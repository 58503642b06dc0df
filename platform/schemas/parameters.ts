import { z } from 'zod'
import { idOrName } from './common.ts'

/** A request to count parameters. The method checks its own fields. */
export const countRequest = z.looseObject({
  base: idOrName('a base').optional(),
  method: z.string({ error: 'a method name' }).optional(),
  adapter: idOrName('an adapter').optional(),
})
export type CountRequest = z.infer<typeof countRequest>

export const parameterCount = z.strictObject({
  trainable: z.int().describe('The number of parameters that training changes.'),
  added: z.int().describe('The number of parameters that are added to the base.'),
  total: z.int(),
  percent: z.number().describe('100 · trainable / total.'),
  formula: z.string().optional(),
  groups: z
    .array(z.strictObject({ name: z.string(), count: z.int(), shape: z.array(z.int()), parameters: z.int() }))
    .optional()
    .describe('The trained tensors, grouped by name and shape; * stands for the number of the block.'),
})
export type ParameterCount = z.infer<typeof parameterCount>
