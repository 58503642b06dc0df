import type { Platform } from '../../platform/platform.ts'
import { pageRequest } from '../../platform/schemas/common.ts'
import { caller, key, keyList, keyRequest, newKey } from '../../platform/schemas/keys.ts'
import { scopesOf } from '../../platform/use-cases/access.ts'
import { createKey, listKeys, revokeKey } from '../../platform/use-cases/keys.ts'
import { json, type Route, route } from '../route.ts'
import { LOCATION, PAGE_FIX, toCreated } from './common.ts'

const tag = 'Keys'

export const keyRoutes = (platform: Platform): Route[] => [
  route({
    method: 'GET',
    path: '/v1/caller',
    summary: 'Get what the key of this request allows',
    description: 'Without keys, a request from the machine of the server may do everything.',
    tag,
    scope: 'predict',
    responses: { 200: { description: 'Returns the key and its scopes.', schema: caller } },
    handle: ({ caller }) => json({ key: caller.owner || undefined, scopes: scopesOf(caller) }),
  }),
  route({
    method: 'POST',
    path: '/v1/keys',
    summary: 'Create a key',
    description: 'Once a key exists, every request needs one. The secret of a key is shown only in this response.',
    tag,
    scope: 'admin',
    json: {
      schema: keyRequest,
      example: { name: 'deployment', scopes: ['admin'] },
      fix: 'Send {"name": "deployment", "scopes": ["predict"]}.',
    },
    responses: { 201: { description: 'Returns the new key with its secret.', schema: newKey, headers: LOCATION } },
    handle: async ({ body }) => toCreated('/v1/keys', await createKey(platform, body)),
  }),
  route({
    method: 'GET',
    path: '/v1/keys',
    summary: 'List keys',
    description: 'Revoked keys are listed as well. Secrets are not shown. The newest keys come first.',
    tag,
    scope: 'admin',
    query: { schema: pageRequest, fix: PAGE_FIX },
    responses: { 200: { description: 'Returns a page of keys.', schema: keyList } },
    handle: async ({ query }) => json(await listKeys(platform, query)),
  }),
  route({
    method: 'DELETE',
    path: '/v1/keys/{id}',
    summary: 'Revoke a key',
    description: 'Every server rejects the key within three seconds.',
    tag,
    scope: 'admin',
    params: { id: 'Id of a key.' },
    responses: { 200: { description: 'Returns the revoked key.', schema: key } },
    errors: ['key_unknown', 'in_use'],
    handle: async ({ params: { id } }) => json(await revokeKey(platform, id)),
  }),
]
