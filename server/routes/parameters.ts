import { z } from 'zod'
import type { Platform } from '../../platform/platform.ts'
import { readMethodTexts, type Texts } from '../../platform/schemas/coerce-fields.ts'
import { countRequest, parameterCount } from '../../platform/schemas/parameters.ts'
import { methodFields } from '../../platform/schemas/trainings.ts'
import { countParameters } from '../../platform/use-cases/count-parameters.ts'
import { json, type Route, route } from '../route.ts'

export const parameters = (platform: Platform): Route[] => [
  route({
    method: 'GET',
    path: '/v1/parameters',
    summary: 'Count what a method trains',
    description: 'On a base, t5-small unless named, or what an adapter trained, named alone.',
    tag: 'Bases',
    scope: 'predict',
    query: {
      schema: countRequest,
      read: readCount,
      documented: z.object({ ...countRequest.shape, ...methodFields }),
      fix: 'Give each of base, method and adapter once at most.',
    },
    answers: { 200: { description: 'The counts', schema: parameterCount } },
    errors: ['method_invalid', 'base_unknown', 'adapter_unknown'],
    handle: async ({ query }) => json(await countParameters(platform, query)),
  }),
]

/** What was given twice stays a list, for the schema to refuse. */
function readCount({ base, method, adapter, ...fields }: Texts): Record<string, unknown> {
  const own = Object.entries({ base, method, adapter }).filter(([, texts]) => texts !== undefined)
  const read = own.map(([name, texts]) => [name, texts.length === 1 ? texts[0] : texts])
  return { ...readMethodTexts(method?.[0], fields), ...Object.fromEntries(read) }
}
