import type { Platform } from '../../platform/platform.ts'
import { base, baseList } from '../../platform/schemas/bases.ts'
import { pageRequest } from '../../platform/schemas/common.ts'
import { getBase, listBases } from '../../platform/use-cases/bases.ts'
import { json, type Route, route } from '../route.ts'
import { describeId, PAGE_FIX } from './common.ts'

const tag = 'Bases'

export const baseRoutes = (platform: Platform): Route[] => [
  route({
    method: 'GET',
    path: '/v1/bases',
    summary: 'List bases',
    description: 'The newest bases come first.',
    tag,
    scope: 'predict',
    query: { schema: pageRequest, fix: PAGE_FIX },
    responses: { 200: { description: 'Returns a page of bases.', schema: baseList } },
    handle: async ({ query }) => json(await listBases(platform, query)),
  }),
  route({
    method: 'GET',
    path: '/v1/bases/{id}',
    summary: 'Get a base',
    tag,
    scope: 'predict',
    params: { id: describeId('a base') },
    responses: { 200: { description: 'Returns the base.', schema: base } },
    errors: ['base_unknown'],
    handle: async ({ params: { id } }) => json(await getBase(platform, id)),
  }),
]
