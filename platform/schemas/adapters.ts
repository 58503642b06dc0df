import { z } from 'zod'
import { digest, idOrName, pageOf, resourceName, timestamp, uuid } from './common.ts'

/** An adapter as it was at one point in time. It may have been deleted since. */
export const adapterSnapshot = z.strictObject({
  id: uuid,
  name: z.string(),
  digest: digest.describe('SHA-256 of the weights.'),
})
export type AdapterSnapshot = z.infer<typeof adapterSnapshot>

export const adapter = z.strictObject({
  id: uuid,
  name: z.string(),
  aliases: z.array(z.string()).describe('The aliases that point to the adapter.'),
  method: z.string(),
  base: z.string().describe('The name of its base.'),
  trainable: z.int().describe('The number of parameters that were trained.'),
  total: z.int().describe('The number of parameters of the base and the adapter.'),
  digest: digest.describe('SHA-256 of the weights.'),
  bytes: z.int().describe('The size of the packed folder.'),
  layout: z.string().describe('The layout of the folder: peft, adapterhub, adapterhub-bin, opendelta or full.'),
  labels: z.array(z.string()),
  temperature: z
    .number()
    .positive()
    .describe('The number by which logits are divided before they become probabilities. 1 if none was fitted.'),
  metrics: z.record(z.string(), z.unknown()).optional(),
  training: uuid.optional().describe('The training that made the adapter.'),
  created_at: timestamp,
})
export type Adapter = z.infer<typeof adapter>

export const adapterList = pageOf(adapter)
export type AdapterList = z.infer<typeof adapterList>

export const adapterUpload = z.strictObject({
  name: resourceName.describe('The name of the new adapter.'),
  base: idOrName('a base')
    .optional()
    .describe('The base of the adapter. Defaults to the one that its graft.json names, or to the default base.'),
})
