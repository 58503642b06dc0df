import { z } from 'zod'
import { only, pageOf, storable, timestamp, uuid } from './common.ts'
import { keyScope } from './statuses.ts'

export const keyRequest = only({
  name: z
    .string({ error: 'a name' })
    .min(1, 'a name')
    .max(200, 'at most 200 characters')
    .regex(storable, 'a name without U+0000')
    .describe('by which its owner is known'),
  scopes: z
    .array(keyScope, { error: 'a list of predict, train and admin' })
    .min(1, 'one scope at least')
    .describe('predict: classify and look; train: that, and everything that makes adapters; admin: all'),
})
export type KeyRequest = z.infer<typeof keyRequest>

export const key = z.strictObject({
  id: uuid,
  name: z.string(),
  prefix: z.string().describe('its first characters'),
  scopes: z.array(keyScope),
  created_at: timestamp,
  last_used_at: timestamp.optional(),
  revoked_at: timestamp.optional(),
})
export type Key = z.infer<typeof key>

export const newKey = key.extend({ secret: z.string().describe('the key itself, which is shown this once') })
export type NewKey = z.infer<typeof newKey>

export const keyList = pageOf(key)
export type KeyList = z.infer<typeof keyList>
