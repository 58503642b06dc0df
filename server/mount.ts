import type { Context, Hono } from 'hono'
import { GraftError, toPlain } from '../core/errors.ts'
import { parse } from '../platform/parse.ts'
import type { Caller, Platform } from '../platform/platform.ts'
import { problemOf, toProblem } from '../platform/problem.ts'
import { readTexts, type Texts } from '../platform/read-texts.ts'
import type { Env } from './app-env.ts'
import type { Doors } from './doors.ts'
import { problemResponse } from './problem-response.ts'
import type { BodyLimits } from './read-body.ts'
import { readJson } from './read-json.ts'
import { readUpload } from './read-upload.ts'
import { refusalHeaders } from './refuse.ts'
import type { Asked, Route } from './route.ts'

export interface Mounting {
  report: Platform['report']
  doors: Doors
  bodies: { json: BodyLimits; adapter: BodyLimits; dataset: BodyLimits }
}

const never = new AbortController().signal

/**
 * Adds routes. Each address answers OPTIONS with what it takes, HEAD as GET without the body, and refuses all else with 405.
 */
export function mount(app: Hono<Env>, routes: readonly Route[], mounting: Mounting): void {
  for (const [path, there] of Map.groupBy(routes, ({ path }) => path)) {
    const address = path.replace(/\{(\w+)\}/g, ':$1')
    const taken = there.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    const allow = [...taken, 'OPTIONS'].join(', ')
    for (const route of there) app.on(route.method, address, (c) => answer(c, route, mounting))
    app.options(address, (c) => {
      c.set('route', path)
      return new Response(null, { status: 204, headers: { allow } })
    })
    app.all(address, (c) => {
      c.set('route', path)
      return refuseMethod(c, path, allow)
    })
  }
}

async function answer(c: Context<Env>, route: Route, mounting: Mounting): Promise<Response> {
  c.set('route', route.path)
  try {
    const caller = await mounting.doors(c.req.raw, c.env?.incoming?.socket.remoteAddress, route.scope)
    c.set('owner', caller.owner)
    return await route.handle(await read(c, route, caller, mounting))
  } catch (error) {
    return refused(c, error, mounting.report, route.refusal?.respond)
  }
}

/** The answer to whatever was thrown. */
export function refused(
  c: Context<Env>,
  error: unknown,
  report: Platform['report'],
  respond: (problem: ReturnType<typeof toProblem>) => Response = problemResponse,
): Response {
  // Nobody is there to read an answer, and what was given up is no fault of ours.
  if (c.req.raw.signal.aborted) return new Response(null, { status: 499 })
  const problem = problemOf({ report }, error, c.get('id'))
  // Other failures than those within Graft are no less to be looked after.
  if (problem.status >= 500 && !['internal', 'closing'].includes(problem.code)) report(error, c.get('id'))
  c.set('code', problem.code)
  const response = respond(problem)
  for (const [name, value] of Object.entries(refusalHeaders(error))) response.headers.set(name, value)
  return response
}

async function read(c: Context<Env>, route: Route, caller: Caller, { bodies }: Mounting): Promise<Asked> {
  const { raw } = c.req
  const { json, upload } = route
  const query = readQuery(route, new URL(raw.url).searchParams)
  const content = upload && readUpload(raw, upload.types, bodies[upload.limit])
  const body = json ? parse(json.schema, await readJson(raw, bodies.json), 'the body', json.mend) : content
  return {
    params: c.req.param(),
    query,
    body,
    headers: raw.headers,
    id: c.get('id'),
    caller,
    signal: raw.signal,
    closing: c.env?.closing ?? never,
    noteRows: (rows) => c.set('rows', rows),
  }
}

function readQuery({ query }: Route, given: URLSearchParams): unknown {
  if (!query) return undefined
  const texts: Texts = Object.fromEntries([...new Set(given.keys())].map((name) => [name, given.getAll(name)]))
  const shape = 'shape' in query.schema ? (query.schema.shape as Parameters<typeof readTexts>[0]) : {}
  const fields = query.read ? query.read(texts) : readTexts(shape, texts)
  return parse(query.schema, fields, 'the query', query.mend)
}

function refuseMethod(c: Context<Env>, path: string, allow: string): Response {
  const error = new GraftError('method_not_allowed', {
    subject: path,
    expected: allow,
    found: c.req.method,
    mend: 'Use one of those.',
  })
  c.set('code', error.code)
  return problemResponse(toProblem(toPlain(error)), { allow })
}
