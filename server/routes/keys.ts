import type { Platform } from '../../platform/platform.ts'
import { pageRequest } from '../../platform/schemas/common.ts'
import { key, keyList, keyRequest, newKey } from '../../platform/schemas/keys.ts'
import { createKey, listKeys, revokeKey } from '../../platform/use-cases/keys.ts'
import { json, type Route, route } from '../route.ts'
import { created, PAGE } from './common.ts'

const tag = 'Keys'

export const keys = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/v1/keys',
    summary: 'Make a key',
    description: 'From then on every request needs one. The key itself is shown this once.',
    tag,
    scope: 'admin',
    json: {
      schema: keyRequest,
      example: { name: 'deployment', scopes: ['admin'] },
      fix: 'Send {"name": "deployment", "scopes": ["predict"]}.',
    },
    answers: { 201: { description: 'The key', schema: newKey, headers: { location: 'its address' } } },
    handle: async ({ body }) => created('/v1/keys', await createKey(platform, body)),
  }),
  route({
    method: 'GET',
    path: '/v1/keys',
    summary: 'List keys, the newest first',
    description: 'Revoked ones among them; none tells the key itself.',
    tag,
    scope: 'admin',
    query: { schema: pageRequest, fix: PAGE },
    answers: { 200: { description: 'A page of the list', schema: keyList } },
    handle: async ({ query }) => json(await listKeys(platform, query)),
  }),
  route({
    method: 'DELETE',
    path: '/v1/keys/{id}',
    summary: 'Revoke a key',
    description: 'Within three seconds it is refused everywhere.',
    tag,
    scope: 'admin',
    params: { id: 'id of a key' },
    answers: { 200: { description: 'The key, revoked', schema: key } },
    errors: ['key_unknown', 'in_use'],
    handle: async ({ params: { id } }) => json(await revokeKey(platform, id)),
  }),
]
