import type { Platform } from '../../platform/platform.ts'
import { alias, aliasList, aliasMoveList, aliasRequest } from '../../platform/schemas/aliases.ts'
import { pageRequest } from '../../platform/schemas/common.ts'
import { getAlias, listAliases, listAliasMoves, removeAlias, setAlias } from '../../platform/use-cases/aliases.ts'
import { json, type Route, route } from '../route.ts'
import { PAGE } from './common.ts'

const tag = 'Aliases'
const params = { name: 'name of the alias' }

export const aliases = (platform: Platform): Route[] => [
  route({
    method: 'GET',
    path: '/v1/aliases',
    summary: 'List aliases, the newest first',
    tag,
    scope: 'predict',
    query: { schema: pageRequest, fix: PAGE },
    answers: { 200: { description: 'A page of the list', schema: aliasList } },
    handle: async ({ query }) => json(await listAliases(platform, query)),
  }),
  route({
    method: 'GET',
    path: '/v1/aliases/{name}',
    summary: 'Get an alias, and where it leads',
    tag,
    scope: 'predict',
    params,
    answers: { 200: { description: 'The alias', schema: alias } },
    errors: ['alias_unknown'],
    handle: async ({ params: { name } }) => json(await getAlias(platform, name)),
  }),
  route({
    method: 'PUT',
    path: '/v1/aliases/{name}',
    summary: 'Make an alias lead to an adapter',
    description:
      'An alias does in place of an adapter’s name wherever one is asked for. A guarded one is moved only with a comparison that rules out a loss of accuracy greater than the guard allows; each move is recorded. To change a guard, or to pass it over, needs the scope admin.',
    tag,
    scope: 'train',
    params,
    json: {
      schema: aliasRequest,
      example: { adapter: 'film-lora', guard: { margin: 0.01 } },
      fix: 'Send {"adapter": "its name", "comparison": "an id"}.',
    },
    answers: { 200: { description: 'The alias as it is now', schema: alias } },
    errors: ['adapter_unknown', 'dataset_unknown', 'comparison_unknown', 'name_taken', 'promotion_refused'],
    handle: async ({ params: { name }, body, caller }) => json(await setAlias(platform, name, body, caller)),
  }),
  route({
    method: 'DELETE',
    path: '/v1/aliases/{name}',
    summary: 'Remove an alias',
    description:
      'The adapter stays, and so do the records of its moves. To remove a guarded one needs the scope admin.',
    tag,
    scope: 'train',
    params,
    answers: { 204: { description: 'It is removed' } },
    errors: ['alias_unknown'],
    async handle({ params: { name }, caller }) {
      await removeAlias(platform, name, caller)
      return new Response(null, { status: 204 })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/aliases/{name}/moves',
    summary: 'List the moves of an alias, the newest first',
    description: 'Those of one that was removed, too: from where to where, on what grounds, and by which key.',
    tag,
    scope: 'train',
    params,
    query: { schema: pageRequest, fix: PAGE },
    answers: { 200: { description: 'A page of the list', schema: aliasMoveList } },
    handle: async ({ params: { name }, query }) => json(await listAliasMoves(platform, name, query)),
  }),
]
