import type { Platform } from '../../platform/platform.ts'
import { alias, aliasList, aliasMoveList, aliasRequest } from '../../platform/schemas/aliases.ts'
import { pageRequest } from '../../platform/schemas/common.ts'
import { getAlias, listAliases, listAliasMoves, removeAlias, setAlias } from '../../platform/use-cases/aliases.ts'
import { json, type Route, route } from '../route.ts'
import { PAGE_FIX } from './common.ts'

const tag = 'Aliases'
const params = { name: 'Name of the alias.' }

export const aliasRoutes = (platform: Platform): Route[] => [
  route({
    method: 'GET',
    path: '/v1/aliases',
    summary: 'List aliases',
    description: 'The newest aliases come first.',
    tag,
    scope: 'predict',
    query: { schema: pageRequest, fix: PAGE_FIX },
    responses: { 200: { description: 'Returns a page of aliases.', schema: aliasList } },
    handle: async ({ query }) => json(await listAliases(platform, query)),
  }),
  route({
    method: 'GET',
    path: '/v1/aliases/{name}',
    summary: 'Get an alias',
    description: 'The alias includes the adapter that it points to.',
    tag,
    scope: 'predict',
    params,
    responses: { 200: { description: 'Returns the alias.', schema: alias } },
    errors: ['alias_unknown'],
    handle: async ({ params: { name } }) => json(await getAlias(platform, name)),
  }),
  route({
    method: 'PUT',
    path: '/v1/aliases/{name}',
    summary: 'Point an alias to an adapter',
    description:
      'An alias can be used wherever the name of an adapter can. A guarded alias moves only with a comparison that rules out a loss of accuracy greater than the guard allows. Each move is recorded. Changing or bypassing a guard requires the scope admin.',
    tag,
    scope: 'train',
    params,
    json: {
      schema: aliasRequest,
      example: { adapter: 'film-lora', guard: { margin: 0.01 } },
      fix: 'Send {"adapter": "its name", "comparison": "an id"}.',
    },
    responses: { 200: { description: 'Returns the alias after the change.', schema: alias } },
    errors: ['adapter_unknown', 'dataset_unknown', 'comparison_unknown', 'name_taken', 'promotion_refused'],
    handle: async ({ params: { name }, body, caller }) => json(await setAlias(platform, name, body, caller)),
  }),
  route({
    method: 'DELETE',
    path: '/v1/aliases/{name}',
    summary: 'Delete an alias',
    description:
      'The adapter and the records of the moves are kept. Deleting a guarded alias requires the scope admin.',
    tag,
    scope: 'train',
    params,
    responses: { 204: { description: 'The alias was deleted.' } },
    errors: ['alias_unknown'],
    async handle({ params: { name }, caller }) {
      await removeAlias(platform, name, caller)
      return new Response(null, { status: 204 })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/aliases/{name}/moves',
    summary: 'List the moves of an alias',
    description:
      'Each move has the adapters before and after, the comparison that allowed it, and the API key of the request. The newest moves come first. The moves of a deleted alias are listed as well.',
    tag,
    scope: 'train',
    params,
    query: { schema: pageRequest, fix: PAGE_FIX },
    responses: { 200: { description: 'Returns a page of moves.', schema: aliasMoveList } },
    handle: async ({ params: { name }, query }) => json(await listAliasMoves(platform, name, query)),
  }),
]
