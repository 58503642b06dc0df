import { parse } from '../../platform/parse.ts'
import type { Platform } from '../../platform/platform.ts'
import { readMethodTexts } from '../../platform/read-texts.ts'
import { countRequest } from '../../platform/schemas/parameters.ts'
import { countParameters } from '../../platform/use-cases/count-parameters.ts'
import type { Routes } from '../mount.ts'

/** `GET /v1/parameters?base=&method=&rank=…`, or `?adapter=`. */
export function parameters(platform: Platform): Routes {
  return {
    '/v1/parameters': {
      GET(c) {
        const { base, method, adapter, ...fields } = textsOf(new URL(c.req.url).searchParams)
        const own = { base, method, adapter }
        const query = { ...readMethodTexts(method?.[0], fields), ...onlyGiven(own) }
        const request = parse(countRequest, query, 'the query', 'Give each of base, method and adapter once at most.')
        return c.json(countParameters(platform, request))
      },
    },
  }
}

function textsOf(query: URLSearchParams): Record<string, string[]> {
  return Object.fromEntries([...new Set(query.keys())].map((name) => [name, query.getAll(name)]))
}

/** What was given twice stays a list, for the schema to refuse. */
function onlyGiven(fields: Record<string, string[] | undefined>): Record<string, unknown> {
  const given = Object.entries(fields).filter(([, texts]) => texts !== undefined)
  return Object.fromEntries(given.map(([name, texts]) => [name, texts?.length === 1 ? texts[0] : texts]))
}
