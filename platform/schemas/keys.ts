import { z } from 'zod'
import { exactObject, pageOf, timestamp, uuid, withoutNul } from './common.ts'
import { keyScope, keyScopes } from './statuses.ts'

export const keyRequest = exactObject({
  name: withoutNul(
    z.string({ error: 'a name' }).min(1, 'a name').max(200, 'at most 200 characters'),
    'a name',
  ).describe('A name that identifies the owner of the key.'),
  scopes: z
    .array(keyScope, { error: `a list of scopes (${keyScopes.join(', ')})` })
    .min(1, 'at least one scope')
    .describe(
      'predict: classify and read; train: also launch trainings and change adapters; metrics: only read /metrics; admin: everything.',
    ),
})
export type KeyRequest = z.infer<typeof keyRequest>

export const key = z.strictObject({
  id: uuid,
  name: z.string(),
  prefix: z.string().describe('The first characters of the key.'),
  scopes: z.array(keyScope),
  created_at: timestamp,
  last_used_at: timestamp.optional(),
  revoked_at: timestamp.optional(),
})
export type Key = z.infer<typeof key>

export const newKey = key.extend({ secret: z.string().describe('The key itself. It cannot be shown again.') })
export type NewKey = z.infer<typeof newKey>

export const caller = z.strictObject({
  key: uuid.optional().describe('The key of the request. Not set if the server has no keys.'),
  scopes: z.array(keyScope).describe('The scopes of the request, with those that they include.'),
})
export type CallerAnswer = z.infer<typeof caller>

export const keyList = pageOf(key)
export type KeyList = z.infer<typeof keyList>
