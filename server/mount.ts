import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { fail } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Caller } from '../platform/platform.ts'
import { readTexts, type Texts } from '../platform/schemas/coerce-fields.ts'
import type { Problem } from '../platform/schemas/common.ts'
import { parse } from '../platform/schemas/parse.ts'
import { problemOf } from '../platform/schemas/problem.ts'
import { addressOf, type Env } from './app-env.ts'
import type { Doors } from './auth.ts'
import { type Crowd, makeCrowd } from './concurrency-limit.ts'
import { refusalHeaders, refuse } from './error-response.ts'
import { problemResponse } from './problem-response.ts'
import type { BodyLimits } from './read-body.ts'
import { readJson } from './read-json.ts'
import { readUpload } from './read-upload.ts'
import type { Asked, Route } from './route.ts'

export interface Mounting {
  logger: Logger
  doors: Doors
  bodies: { json: BodyLimits; adapter: BodyLimits; dataset: BodyLimits }
  /** Requests that are worked on at a time. */
  requests: number
}

const never = new AbortController().signal

/**
 * Adds routes. Each address answers OPTIONS with what it takes, HEAD as GET without the body, and refuses all else with 405.
 */
export function mount(app: Hono<Env>, routes: readonly Route[], mounting: Mounting): void {
  const crowd = makeCrowd(mounting.requests)
  for (const [path, there] of Map.groupBy(routes, ({ path }) => path)) {
    const address = path.replace(/\{(\w+)\}/g, ':$1')
    const taken = there.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    const allow = [...taken, 'OPTIONS'].join(', ')
    for (const route of there) app.on(route.method, address, (c) => answer(c, route, mounting, crowd))
    app.all(address, (c) => otherwise(c, path, allow, mounting))
  }
}

async function answer(c: Context<Env>, route: Route, mounting: Mounting, crowd: Crowd): Promise<Response> {
  c.set('route', route.path)
  try {
    const caller = await mounting.doors(c.req.raw, addressOf(c), route.scope)
    c.set('owner', caller.owner)
    const work = async () => route.handle(await read(c, route, caller, mounting))
    const response = await (route.scope === 'none' ? work() : crowd(work))
    if (c.req.method !== 'HEAD') return response
    // Nobody would read it to its end.
    await response.body?.cancel()
    return new Response(null, response)
  } catch (error) {
    return refused(c, error, mounting.logger, route.refusal?.respond)
  }
}

async function otherwise(c: Context<Env>, path: string, allow: string, { doors, logger }: Mounting): Promise<Response> {
  c.set('route', path)
  try {
    await doors(c.req.raw, addressOf(c), 'none')
    if (c.req.method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } })
    const [expected, found] = [allow, c.req.method]
    return refuse('method_not_allowed', { subject: path, expected, found, fix: 'Use one of those.' }, { allow })
  } catch (error) {
    return refused(c, error, logger)
  }
}

/** The answer to whatever was thrown. */
export function refused(
  c: Context<Env>,
  error: unknown,
  logger: Logger,
  respond: (problem: Problem) => Response = problemResponse,
): Response {
  // Nobody is there to read an answer, and what was given up is no fault of ours.
  if (c.req.raw.signal.aborted) return new Response(null, { status: 499 })
  const problem = problemOf(logger, error, c.get('id'))
  // Other failures than those within Graft are no less to be looked after.
  if (problem.status >= 500 && !['internal', 'shutting_down'].includes(problem.code))
    logger.error(error, { request_id: c.get('id') })
  c.set('code', problem.code)
  const response = respond(problem)
  for (const [name, value] of Object.entries(refusalHeaders(error))) response.headers.set(name, value)
  return response
}

/** @throws GraftError `not_found` */
export function notFound(path: string): never {
  fail('not_found', {
    subject: path,
    expected: 'an address of the API, such as /v1/predictions or /v1/adapters',
    found: 'none',
    fix: 'Mind the spelling; addresses have no slash at the end. /docs lists them.',
  })
}

async function read(c: Context<Env>, route: Route, caller: Caller, { bodies }: Mounting): Promise<Asked> {
  const { raw } = c.req
  const { json, upload } = route
  const params = c.req.param()
  // The store could not be asked for that.
  if (Object.values(params).some((text) => text.includes('\0'))) notFound(c.req.path)
  const query = readQuery(route, new URL(raw.url).searchParams)
  const content = upload && readUpload(raw, upload.types, bodies[upload.limit])
  const body = json ? parse(json.schema, await readJson(raw, bodies.json), 'the body', json.fix) : content
  return {
    params,
    query,
    body,
    headers: readHeaders(route, raw.headers),
    accept: raw.headers.get('accept') ?? '',
    id: c.get('id'),
    caller,
    request: raw,
    signal: raw.signal,
    closing: c.env?.closing ?? never,
    noteRows: (rows) => c.set('rows', rows),
  }
}

function readQuery({ query }: Route, given: URLSearchParams): unknown {
  if (!query) return undefined
  const texts: Texts = Object.fromEntries([...new Set(given.keys())].map((name) => [name, given.getAll(name)]))
  const fields = query.read ? query.read(texts) : readTexts(shapeOf(query.schema), texts)
  return parse(query.schema, fields, 'the query', query.fix)
}

function readHeaders({ headers }: Route, given: Headers): unknown {
  if (!headers) return undefined
  const shape = shapeOf(headers.schema)
  const texts = Object.keys(shape).flatMap((name) => {
    const text = given.get(name)
    return text === null ? [] : [[name, [text]] as const]
  })
  return parse(headers.schema, readTexts(shape, Object.fromEntries(texts)), 'the headers', headers.fix)
}

/** The fields of an object's schema. */
const shapeOf = (schema: z.ZodType): Readonly<Record<string, z.ZodType>> =>
  schema instanceof z.ZodObject ? (schema.shape as Record<string, z.ZodType>) : {}
