import { z } from 'zod'
import { reference } from './common.ts'

/** The fields of the method itself are checked by the method. */
export const countRequest = z.looseObject({
  base: reference('a base').optional(),
  method: z.string({ error: 'the name of a method' }).optional(),
  adapter: reference('an adapter').optional(),
})
export type CountRequest = z.infer<typeof countRequest>

export const parameterCount = z.strictObject({
  trainable: z.int().describe('parameters that training changes'),
  added: z.int().describe("parameters beyond the base's own"),
  total: z.int(),
  percent: z.number().describe('100 · trainable / total'),
  formula: z.string().optional(),
  groups: z
    .array(z.strictObject({ name: z.string(), count: z.int(), shape: z.array(z.int()), parameters: z.int() }))
    .optional()
    .describe('trained tensors of one shape; * stands for the number of the block'),
})
export type ParameterCount = z.infer<typeof parameterCount>
