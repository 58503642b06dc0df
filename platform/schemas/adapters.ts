import { z } from 'zod'
import { digest, newName, pageOf, timestamp, uuid } from './common.ts'

export const adapter = z.strictObject({
  id: uuid,
  name: z.string(),
  method: z.string(),
  base: z.string().describe('name of the base that it stands on'),
  trainable: z.int().describe('parameters that were trained'),
  total: z.int().describe('parameters of the base with the adapter'),
  digest: digest.describe('SHA-256 of the weights'),
  bytes: z.int().describe('of the packed folder'),
  layout: z.string().describe('whose folder it is: peft, adapterhub, full'),
  labels: z.array(z.string()),
  metrics: z.record(z.string(), z.unknown()).optional(),
  training: uuid.optional().describe('the training that made it'),
  created_at: timestamp,
})
export type Adapter = z.infer<typeof adapter>

export const adapterList = pageOf(adapter)
export type AdapterList = z.infer<typeof adapterList>

export const adapterUpload = z.strictObject({ name: newName.describe('the name that it shall bear') })
