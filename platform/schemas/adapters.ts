import { z } from 'zod'
import { digest, newName, pageOf, timestamp, uuid } from './common.ts'

/** An adapter as it was when something was decided on it; its row may be gone. */
export const namedWeights = z.strictObject({
  id: uuid,
  name: z.string(),
  digest: digest.describe('SHA-256 of the weights'),
})
export type NamedWeights = z.infer<typeof namedWeights>

export const adapter = z.strictObject({
  id: uuid,
  name: z.string(),
  aliases: z.array(z.string()).describe('other names that lead to it until they are moved'),
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
