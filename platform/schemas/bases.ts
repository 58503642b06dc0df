import { z } from 'zod'
import { digest, pageOf, timestamp, uuid } from './common.ts'
import { drift } from './precisions.ts'

export const base = z.strictObject({
  id: uuid,
  name: z.string(),
  fingerprint: digest.describe('SHA-256 of the names, shapes and values of its tensors.'),
  parameters: z.int(),
  bytes: z.int().describe('The size of its tensors.'),
  served: z.boolean().describe('Whether this server answers predictions with this base.'),
  int8_drift: drift
    .nullable()
    .describe('What int8 changes for its predictions on the sample texts. Null until a server has measured it.'),
  created_at: timestamp,
})
export type BaseAnswer = z.infer<typeof base>

export const baseList = pageOf(base)
export type BaseList = z.infer<typeof baseList>
