import { z } from 'zod'
import type { Platform } from '../../platform/platform.ts'
import { coerceMethodFields, type RawFields } from '../../platform/schemas/coerce-fields.ts'
import { countRequest, parameterCount } from '../../platform/schemas/parameters.ts'
import { methodFields } from '../../platform/schemas/trainings.ts'
import { countParameters } from '../../platform/use-cases/count-parameters.ts'
import { json, type Route, route } from '../route.ts'

export const parameterRoutes = (platform: Platform): Route[] => [
  route({
    method: 'GET',
    path: '/v1/parameters',
    summary: 'Count trainable parameters',
    description:
      'Counts the parameters that a method trains on a base, which defaults to the one that this server serves. If only adapter is given, counts the parameters of that adapter.',
    tag: 'Bases',
    scope: 'predict',
    query: {
      schema: countRequest,
      coerce: toCountRequest,
      documentedSchema: z.object({ ...countRequest.shape, ...methodFields }),
      fix: 'Give each of base, method and adapter at most once.',
    },
    responses: { 200: { description: 'Returns the counts.', schema: parameterCount } },
    errors: ['method_invalid', 'base_unknown', 'adapter_unknown'],
    handle: async ({ query }) => json(await countParameters(platform, query)),
  }),
]

/** Coerces the query. A field that was given twice stays a list, which the schema rejects. */
function toCountRequest({ base, method, adapter, ...fields }: RawFields): Record<string, unknown> {
  const given = Object.entries({ base, method, adapter }).filter(([, texts]) => texts !== undefined)
  const coerced = given.map(([name, texts]) => [name, texts.length === 1 ? texts[0] : texts])
  return { ...coerceMethodFields(method?.[0], fields), ...Object.fromEntries(coerced) }
}
