import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { fail } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Caller } from '../platform/platform.ts'
import { coerceFields, type RawFields } from '../platform/schemas/coerce-fields.ts'
import { parse } from '../platform/schemas/parse.ts'
import { type AppEnv, remoteAddressOf } from './app-env.ts'
import type { AuthorizeRequest } from './auth.ts'
import { type ConcurrencyLimit, makeConcurrencyLimit } from './concurrency-limit.ts'
import { failWithHeaders, toErrorResponse } from './error-response.ts'
import type { BodyLimits } from './read-body.ts'
import { readJson } from './read-json.ts'
import { readUpload } from './read-upload.ts'
import type { RequestContext, Route } from './route.ts'

export interface MountOptions {
  logger: Logger
  authorizeRequest: AuthorizeRequest
  bodies: { json: BodyLimits; adapter: BodyLimits; dataset: BodyLimits }
  /** Requests handled at a time. */
  maxRequests: number
}

const NEVER_ABORTED = new AbortController().signal

/**
 * Adds routes to the app. Each path also responds to OPTIONS with its methods, and to HEAD with the headers of GET. It
 * rejects all other methods with 405.
 */
export function mountRoutes(app: Hono<AppEnv>, routes: readonly Route[], options: MountOptions): void {
  const limitConcurrency = makeConcurrencyLimit(options.maxRequests)
  for (const [path, routesOfPath] of Map.groupBy(routes, ({ path }) => path)) {
    const honoPath = path.replace(/\{(\w+)\}/g, ':$1')
    const methods = routesOfPath.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    const allow = [...methods, 'OPTIONS'].join(', ')
    for (const route of routesOfPath)
      app.on(route.method, honoPath, (c) => handleRequest(c, route, options, limitConcurrency))
    app.all(honoPath, (c) => handleOtherMethod(c, path, allow, options))
  }
}

async function handleRequest(
  c: Context<AppEnv>,
  route: Route,
  options: MountOptions,
  limitConcurrency: ConcurrencyLimit,
): Promise<Response> {
  c.set('route', route.path)
  try {
    const caller = await options.authorizeRequest(c.req.raw, remoteAddressOf(c), route.scope)
    c.set('owner', caller.owner)
    const handle = async () => route.handle(await readRequest(c, route, caller, options))
    const response = await (route.scope === 'none' ? handle() : limitConcurrency(handle))
    if (c.req.method !== 'HEAD') return response
    // Nobody reads the body of a response to HEAD.
    await response.body?.cancel()
    return new Response(null, response)
  } catch (error) {
    return toErrorResponse(c, error, options.logger, route.errorFormat?.toResponse)
  }
}

async function handleOtherMethod(
  c: Context<AppEnv>,
  path: string,
  allow: string,
  { authorizeRequest, logger }: MountOptions,
): Promise<Response> {
  c.set('route', path)
  try {
    await authorizeRequest(c.req.raw, remoteAddressOf(c), 'none')
    if (c.req.method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } })
    const detail = { subject: path, expected: allow, found: c.req.method, fix: 'Use one of the methods listed.' }
    return failWithHeaders('method_not_allowed', detail, { allow })
  } catch (error) {
    return toErrorResponse(c, error, logger)
  }
}

/** @throws GraftError `not_found` */
export function throwNotFound(path: string): never {
  fail('not_found', {
    subject: path,
    problem: 'is not a path of this API',
    fix: 'Check the spelling; paths do not end with a slash. GET /docs lists all of them.',
  })
}

async function readRequest(
  c: Context<AppEnv>,
  route: Route,
  caller: Caller,
  { bodies }: MountOptions,
): Promise<RequestContext> {
  const { raw } = c.req
  const { json, upload } = route
  const params = c.req.param()
  // The database cannot store U+0000, so it cannot be queried for it either.
  if (Object.values(params).some((text) => text.includes('\0'))) throwNotFound(c.req.path)
  const query = readQuery(route, new URL(raw.url).searchParams)
  const uploaded = upload && readUpload(raw, upload.contentTypes, bodies[upload.limit])
  const body = json ? parse(json.schema, await readJson(raw, bodies.json), 'the body', json.fix) : uploaded
  return {
    params,
    query,
    body,
    headers: readHeaders(route, raw.headers),
    accept: raw.headers.get('accept') ?? '',
    requestId: c.get('requestId'),
    caller,
    request: raw,
    signal: raw.signal,
    shutdown: c.env?.shutdown ?? NEVER_ABORTED,
    recordRows: (rows) => c.set('rows', rows),
  }
}

function readQuery({ query }: Route, given: URLSearchParams): unknown {
  if (!query) return undefined
  const texts: RawFields = Object.fromEntries([...new Set(given.keys())].map((name) => [name, given.getAll(name)]))
  const fields = query.coerce ? query.coerce(texts) : coerceFields(shapeOf(query.schema), texts)
  return parse(query.schema, fields, 'the query', query.fix)
}

function readHeaders({ headers }: Route, given: Headers): unknown {
  if (!headers) return undefined
  const shape = shapeOf(headers.schema)
  const texts = Object.keys(shape).flatMap((name) => {
    const text = given.get(name)
    return text === null ? [] : [[name, [text]] as const]
  })
  return parse(headers.schema, coerceFields(shape, Object.fromEntries(texts)), 'the headers', headers.fix)
}

/** Returns the fields of an object's schema. */
const shapeOf = (schema: z.ZodType): Readonly<Record<string, z.ZodType>> =>
  schema instanceof z.ZodObject ? (schema.shape as Record<string, z.ZodType>) : {}
