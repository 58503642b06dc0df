import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { fail } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Caller } from '../platform/platform.ts'
import { coerceFields, type RawFields } from '../platform/schemas/coerce-fields.ts'
import { parse } from '../platform/schemas/parse.ts'
import { type AppEnv, remoteAddressOf } from './app-env.ts'
import type { AuthorizeRequest } from './auth.ts'
import type { AllowsOrigin } from './cors.ts'
import { failWithHeaders, toErrorResponse } from './error-response.ts'
import type { Requester } from './fair-share.ts'
import type { FairTurns } from './fair-turns.ts'
import { type Holds, type Limits, openHolds } from './limits.ts'
import { requireLoopbackOrigin } from './loopback-guard.ts'
import type { RateLimit } from './rate-limit.ts'
import type { BodyLimits } from './read-body.ts'
import { parseJson, readJsonBytes } from './read-json.ts'
import { readUpload, type UploadLimits } from './read-upload.ts'
import type { RequestContext, Route } from './route.ts'
import { describeUnknownPath } from './unknown-path.ts'

export interface MountOptions {
  logger: Logger
  authorizeRequest: AuthorizeRequest
  allowsOrigin: AllowsOrigin
  limitRate: RateLimit
  limits: Limits
  turns: FairTurns
  bodies: { json: BodyLimits; adapter: UploadLimits; dataset: UploadLimits }
}

const NEVER_ABORTED = new AbortController().signal

/**
 * Adds routes to the app. Each path also responds to OPTIONS with its methods, and to HEAD with the headers of GET. It
 * rejects all other methods with 405.
 */
export function mountRoutes(app: Hono<AppEnv>, routes: readonly Route[], options: MountOptions): void {
  for (const [path, routesOfPath] of Map.groupBy(routes, ({ path }) => path)) {
    const honoPath = path.replace(/\{(\w+)\}/g, ':$1')
    const methods = routesOfPath.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    const allow = [...methods, 'OPTIONS'].join(', ')
    for (const route of routesOfPath) app.on(route.method, honoPath, (c) => handleRequest(c, route, options))
    app.all(honoPath, (c) => handleOtherMethod(c, routesOfPath[0], allow, options))
  }
}

async function handleRequest(c: Context<AppEnv>, route: Route, options: MountOptions): Promise<Response> {
  c.set('route', route.path)
  try {
    if (route.checksOrigin) requireLoopbackOrigin(c.req.raw, options.allowsOrigin)
    const { caller, requester } = await options.authorizeRequest(c.req.raw, remoteAddressOf(c), route.scope)
    c.set('owner', caller.owner)
    const response = await whileHolding(c, options.limits, requester, async (holds) => {
      if (route.scope !== 'none') holds.take('requests', 1)
      return route.handle(await readRequest(c, route, { caller, requester, holds }, options))
    })
    if (c.req.method !== 'HEAD') return response
    // Nobody reads the body of a response to HEAD.
    await response.body?.cancel()
    return new Response(null, response)
  } catch (error) {
    return toErrorResponse(c, error, options.logger, route.errorFormat?.toResponse)
  }
}

/**
 * Handles a request with an account of what it holds. The request ends when it has been handled and its response has
 * been sent: a client that leaves does not end the work at once, and a client that reads slowly keeps its response in
 * memory.
 */
async function whileHolding(
  c: Context<AppEnv>,
  limits: Limits,
  requester: Requester,
  handle: (holds: Holds) => Promise<Response>,
): Promise<Response> {
  const holds = openHolds(limits, requester)
  try {
    return await handle(holds)
  } finally {
    void Promise.resolve(c.env?.sent).then(holds.release)
  }
}

async function handleOtherMethod(
  c: Context<AppEnv>,
  { path, errorFormat }: Route,
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
    return toErrorResponse(c, error, logger, errorFormat?.toResponse)
  }
}

async function readRequest(
  c: Context<AppEnv>,
  route: Route,
  { caller, requester, holds }: { caller: Caller; requester: Requester; holds: Holds },
  { bodies, limitRate, turns }: MountOptions,
): Promise<RequestContext> {
  const { raw } = c.req
  const { json, upload } = route
  const params = c.req.param()
  // The database cannot store U+0000, so it cannot be queried for it either.
  if (Object.values(params).some((text) => text.includes('\0'))) fail('not_found', describeUnknownPath(c.req.path, []))
  const query = readQuery(route, new URL(raw.url).searchParams)
  // A stream of the web would close the connection if its reader stopped, and the client would never see the response.
  const source = { headers: raw.headers, body: c.env?.incoming ?? raw.body }
  const uploaded = upload && readUpload(source, upload.contentTypes, bodies[upload.limit])
  const content = json && (await readJsonBytes(source, bodies.json, (bytes) => holds.take('bodyBytes', bytes)))
  await turns.wait(requester.id)
  const body = json && content ? parse(json.schema, parseJson(content), 'the body', json.fix) : uploaded
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
    admitTexts(count, characters) {
      holds.take('texts', count)
      holds.take('characters', characters)
    },
    admitStream: () => holds.take('streams', 1),
    async admitRequests(count) {
      if (count === 0) return
      holds.take('requests', count)
      await limitRate(requester, count)
    },
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
