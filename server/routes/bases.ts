import type { Platform } from '../../platform/platform.ts'
import { base, baseList } from '../../platform/schemas/bases.ts'
import { pageRequest } from '../../platform/schemas/common.ts'
import { getBase, listBases } from '../../platform/use-cases/bases.ts'
import { json, type Route, route } from '../route.ts'
import { ID, PAGE } from './common.ts'

const tag = 'Bases'

export const bases = (platform: Platform): Route[] => [
  route({
    method: 'GET',
    path: '/v1/bases',
    summary: 'List bases, the newest first',
    tag,
    scope: 'predict',
    query: { schema: pageRequest, fix: PAGE },
    answers: { 200: { description: 'A page of the list', schema: baseList } },
    handle: async ({ query }) => json(await listBases(platform, query)),
  }),
  route({
    method: 'GET',
    path: '/v1/bases/{id}',
    summary: 'Get a base',
    tag,
    scope: 'predict',
    params: { id: ID('a base') },
    answers: { 200: { description: 'The base', schema: base } },
    errors: ['base_unknown'],
    handle: async ({ params: { id } }) => json(await getBase(platform, id)),
  }),
]
