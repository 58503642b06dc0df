import { OpenAPIRegistry, OpenApiGeneratorV31 } from '@asteasolutions/zod-to-openapi'
import { z } from 'zod'
import { catalogue, type ErrorCode } from '../core/catalogue.ts'
import { problem } from '../platform/schemas/common.ts'
import { nameComponents } from './component-names.ts'
import { errorCodesOf, RAW_ERROR_CODES } from './error-codes.ts'
import { RETRY_AFTER_SECONDS } from './error-response.ts'
import { allowNull } from './nullable-fields.ts'
import type { Route, RouteResponse } from './route.ts'

export type OpenApi = ReturnType<OpenApiGeneratorV31['generateDocument']>
type Operation = Parameters<OpenAPIRegistry['registerPath']>[0]
type Responses = Operation['responses']
type Content = NonNullable<Exclude<Responses[string], { $ref: string }>['content']>
type Headers = Readonly<Record<string, string>>

const REQUEST_ID_HEADER = {
  'x-request-id': 'Id under which the request is logged: the id that the client sent, or a new one.',
}

const CODES_WITH_RETRY_AFTER = new Set<ErrorCode>([
  'rate_limited',
  ...(Object.keys(RETRY_AFTER_SECONDS) as ErrorCode[]),
])

/** Returns the OpenAPI 3.1 document of routes. All of it follows from their declarations. */
export function openApiOf(routes: readonly Route[], version: string): OpenApi {
  nameComponents()
  const registry = new OpenAPIRegistry()
  registry.registerComponent('securitySchemes', 'key', {
    type: 'http',
    scheme: 'bearer',
    description:
      'An API key, graft_…, created with graft key create. As long as no key exists, the server accepts only requests from its own machine, and they need no key.',
  })
  for (const route of routes) registry.registerPath(operationOf(route))
  const document = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Graft',
      version,
      description:
        'Trains small adapters on T5 and serves them. Errors are problem documents (RFC 9457). Each has a code, says what happened, and says how to fix it. /docs/errors lists all codes.',
    },
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
  })
  allowNullInBodies(document)
  return mergeReferences(document)
}

/** Documents null in the schemas of bodies, those with names included. A name of a body is not that of a response. */
function allowNullInBodies({ paths, components }: OpenApi): void {
  const named = new Set<string>()
  for (const { post, put } of Object.values(paths ?? {}))
    for (const operation of [post, put])
      for (const body of Object.values((operation?.requestBody as Body | undefined)?.content ?? {})) {
        const name = body.schema?.$ref?.split('/').at(-1)
        if (name) named.add(name)
        else if (body.schema) body.schema = allowNull(body.schema)
      }
  const schemas = components?.schemas as Record<string, Parameters<typeof allowNull>[0]> | undefined
  if (schemas) for (const name of named) schemas[name] = allowNull(schemas[name])
}

/** The body of an operation in the document. */
interface Body {
  content: Record<string, { schema?: Parameters<typeof allowNull>[0] & { $ref?: string } }>
}

/**
 * Writes a reference with a description of its own as OpenAPI 3.1 does, in one object. As two schemas of which both
 * must hold, it would be another type in generated clients.
 */
function mergeReferences<T>(value: T): T {
  if (Array.isArray(value)) return value.map(mergeReferences) as T
  if (typeof value !== 'object' || value === null) return value
  const { allOf, ...rest } = value as { allOf?: { $ref?: string }[] }
  const merged = allOf?.[0]?.$ref === undefined ? value : { ...rest, ...Object.assign({}, ...allOf) }
  return Object.fromEntries(Object.entries(merged).map(([key, part]) => [key, mergeReferences(part)])) as T
}

function operationOf(route: Route): Operation {
  const { method, path, summary, description, tag, scope, query, json, upload } = route
  const body = json
    ? { 'application/json': { schema: json.schema, example: json.example } }
    : upload &&
      Object.fromEntries(upload.contentTypes.map((type) => [type, upload.form ? { schema: upload.form } : BINARY]))
  return {
    method: method.toLowerCase() as Lowercase<typeof method>,
    path,
    summary,
    description,
    tags: [tag],
    operationId: operationIdOf(route),
    security: scope === 'none' ? [] : [{}, { key: [scope] }],
    request: {
      params: pathParametersOf(route.params ?? {}),
      query: (query?.documentedSchema ?? query?.schema) as z.ZodObject | undefined,
      headers: route.headers?.schema as z.ZodObject | undefined,
      ...(body && { body: { content: body, required: true, description: upload?.description } }),
    },
    responses: { ...responsesOf(route), ...errorResponsesOf(route) },
  }
}

const BINARY = { schema: { type: 'string' as const, format: 'binary' } }

function pathParametersOf(params: Readonly<Record<string, string>>): z.ZodObject | undefined {
  const shape = Object.entries(params).map(([name, description]) => [name, z.string().min(1).describe(description)])
  return shape.length > 0 ? z.object(Object.fromEntries(shape)) : undefined
}

const operationIdOf = ({ method, path }: Route): string =>
  `${method.toLowerCase()}${path.replace('/v1', '').replace(/[^a-z]+([a-z]|$)/g, (_, letter: string) => letter.toUpperCase())}`

function responsesOf({ responses }: Route): Responses {
  return Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [
      status,
      { description: response.description, headers: headersOf(response.headers), ...contentOf(response) },
    ]),
  )
}

function contentOf({ schema, contentTypes = schema ? ['application/json'] : [] }: RouteResponse): {
  content?: Content
} {
  if (contentTypes.length === 0) return {}
  const otherContent = (type: string) => ({
    schema: type === 'text/event-stream' ? SERVER_SENT_EVENT : { type: 'string' as const },
  })
  return {
    content: Object.fromEntries(
      contentTypes.map((type) => [type, type === 'application/json' && schema ? { schema } : otherContent(type)]),
    ),
  }
}

const SERVER_SENT_EVENT = {
  type: 'object' as const,
  properties: {
    id: { type: 'string' as const, description: 'Number of the event.' },
    event: { type: 'string' as const, description: 'Type of the event.' },
    data: { type: 'string' as const, description: 'The event as JSON.', contentMediaType: 'application/json' },
  },
}

/** Returns the error responses by status, each with the codes that have that status. */
function errorResponsesOf(route: Route): Responses {
  const { errorFormat } = route
  const statusOf = (code: ErrorCode) => errorFormat?.statusOf(code) ?? catalogue[code].status
  const codesByStatus = Map.groupBy([...errorCodesOf(route)].sort(), statusOf)
  return Object.fromEntries(
    [...codesByStatus].map(([status, codes]) => {
      const declared = route.responses[status]
      const meanings = codes.map((code) => `\`${code}\`: ${catalogue[code].title}.`).join(' ')
      // Errors of HTTP itself are problems whatever the format of the route.
      const hasProblem = !errorFormat || codes.some((code) => RAW_ERROR_CODES.includes(code))
      const content: Content = {
        ...(declared && contentOf(declared).content),
        ...(hasProblem && { 'application/problem+json': { schema: problem } }),
        ...(errorFormat && { 'application/json': { schema: errorFormat.schema } }),
      }
      const headers = {
        ...(codes.some((code) => CODES_WITH_RETRY_AFTER.has(code)) && {
          'retry-after': 'Seconds after which to try again.',
        }),
        ...(status === 401 && { 'www-authenticate': 'The authentication scheme, Bearer.' }),
      }
      const description = [declared?.description, meanings].filter(Boolean).join(' ')
      return [status, { description, headers: headersOf(headers), content }]
    }),
  )
}

const headersOf = (headers: Headers = {}) =>
  Object.fromEntries(
    Object.entries({ ...REQUEST_ID_HEADER, ...headers }).map(([name, description]) => [
      name,
      { description, schema: { type: 'string' as const } },
    ]),
  )
