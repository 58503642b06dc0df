import { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { catalogue, type ErrorCode } from '../core/catalogue.ts'
import { problem } from '../platform/schemas/common.ts'
import { BEFORE_ROUTES, codesOf } from './error-codes.ts'
import { retryAfter } from './problem-response.ts'
import type { Answer, Route } from './route.ts'

export type OpenApi = ReturnType<OpenAPIHono['getOpenAPI31Document']>
type PathConfig = Parameters<OpenAPIHono['openAPIRegistry']['registerPath']>[0]
type Responses = PathConfig['responses']
type Content = NonNullable<Exclude<Responses[string], { $ref: string }>['content']>
type SchemaObject = NonNullable<NonNullable<OpenApi['components']>['schemas']>[string]
type Headers = Readonly<Record<string, string>>

const PROBLEM = { $ref: '#/components/schemas/Problem' }
const REQUEST_ID = { 'x-request-id': 'the id of the request, which the log has, too: its own, or a new one' }

/** Codes whose answer tells when to come again. */
const WAITS = new Set<ErrorCode>(['rate_limited', ...(Object.keys(retryAfter) as ErrorCode[])])

/** The OpenAPI 3.1 document of routes: all of it follows from their declarations. */
export function openApiOf(routes: readonly Route[], version: string): OpenApi {
  // Its registry and generator alone are used; requests never pass through it.
  const generator = new OpenAPIHono()
  const { openAPIRegistry: registry } = generator
  const { $schema: _, ...problemSchema } = z.toJSONSchema(problem)
  registry.registerComponent('schemas', 'Problem', problemSchema as SchemaObject)
  registry.registerComponent('securitySchemes', 'key', {
    type: 'http',
    scheme: 'bearer',
    description:
      'A key, graft_…, made by graft key create. Where there are none yet, this machine alone is answered, without.',
  })
  for (const route of routes) registry.registerPath(pathOf(route))
  return generator.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Graft',
      version,
      description:
        'Trains small adapters of T5 and serves them. Errors are problem documents (RFC 9457) with a code, what was expected, what was found and how to fix it; /docs/errors lists the codes.',
    },
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
  })
}

function pathOf(route: Route): PathConfig {
  const { method, path, summary, description, tag, scope, query, json, upload } = route
  const body = json
    ? { 'application/json': { schema: json.schema, example: json.example } }
    : upload && Object.fromEntries(upload.types.map((type) => [type, upload.form ? { schema: upload.form } : binary]))
  return {
    method: method.toLowerCase() as Lowercase<typeof method>,
    path,
    summary,
    description,
    tags: [tag],
    operationId: operationId(route),
    security: scope === 'none' ? [] : [{}, { key: [scope] }],
    request: {
      params: described(route.params ?? {}),
      query: (query?.documented ?? query?.schema) as z.ZodObject | undefined,
      headers: route.headers?.schema as z.ZodObject | undefined,
      ...(body && { body: { content: body, required: true, description: upload?.description } }),
    },
    responses: { ...answersOf(route), ...errorsOf(route) },
  }
}

const binary = { schema: { type: 'string' as const, format: 'binary' } }

function described(params: Readonly<Record<string, string>>): z.ZodObject | undefined {
  const shape = Object.entries(params).map(([name, description]) => [name, z.string().min(1).describe(description)])
  return shape.length > 0 ? z.object(Object.fromEntries(shape)) : undefined
}

const operationId = ({ method, path }: Route): string =>
  `${method.toLowerCase()}${path.replace('/v1', '').replace(/[^a-z]+([a-z]|$)/g, (_, letter: string) => letter.toUpperCase())}`

function answersOf({ answers }: Route): Responses {
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => [
      status,
      { description: answer.description, headers: headersOf(answer.headers), ...contentOf(answer) },
    ]),
  )
}

function contentOf({ schema, types = schema ? ['application/json'] : [] }: Answer): { content?: Content } {
  if (types.length === 0) return {}
  const other = (type: string) => ({
    schema: type === 'text/event-stream' ? serverSentEvent : { type: 'string' as const },
  })
  return {
    content: Object.fromEntries(
      types.map((type) => [type, type === 'application/json' && schema ? { schema } : other(type)]),
    ),
  }
}

/** One event of a stream. */
const serverSentEvent = {
  type: 'object' as const,
  properties: {
    id: { type: 'string' as const, description: 'its number' },
    event: { type: 'string' as const, description: 'its type' },
    data: { type: 'string' as const, description: 'the event as JSON', contentMediaType: 'application/json' },
  },
}

/** By status, each with the codes that have it. */
function errorsOf(route: Route): Responses {
  const { refusal } = route
  const statusOf = (code: ErrorCode) => refusal?.statusOf(code) ?? catalogue[code].status
  const plain = refusal ? BEFORE_ROUTES : []
  const byStatus = Map.groupBy([...codesOf(route)].sort(), statusOf)
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => {
      const declared = route.answers[status]
      const meanings = codes.map((code) => `\`${code}\`: ${catalogue[code].title}`).join('. ')
      const content: Content = {
        ...(declared && contentOf(declared).content),
        ...((!refusal || codes.some((code) => plain.includes(code))) && {
          'application/problem+json': { schema: PROBLEM },
        }),
        ...(refusal && { 'application/json': { schema: refusal.schema } }),
      }
      const headers = {
        ...(codes.some((code) => WAITS.has(code)) && { 'retry-after': 'seconds after which to come again' }),
        ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      }
      const description = [declared?.description, meanings].filter(Boolean).join('. ')
      return [status, { description: `${description}.`, headers: headersOf(headers), content }]
    }),
  )
}

const headersOf = (headers: Headers = {}) =>
  Object.fromEntries(
    Object.entries({ ...REQUEST_ID, ...headers }).map(([name, description]) => [
      name,
      { description, schema: { type: 'string' as const } },
    ]),
  )
