import type { Context, Hono } from 'hono'
import { GraftError, toPlain } from '../core/errors.ts'
import { toProblem } from '../platform/problem.ts'
import { problemResponse } from './problem-response.ts'

type Handler = (c: Context) => Response | Promise<Response>

/** Addresses, each with a handler for each HTTP method that it takes. HEAD is answered as GET, without the body. */
export type Routes = Record<string, Partial<Record<'GET' | 'POST', Handler>>>

/** Adds routes, so that each address answers OPTIONS with what it takes and refuses all else with 405. */
export function mount(app: Hono, routes: Routes): void {
  for (const [path, handlers] of Object.entries(routes)) {
    const taken = Object.keys(handlers).flatMap((verb) => (verb === 'GET' ? ['GET', 'HEAD'] : [verb]))
    const allow = [...taken, 'OPTIONS'].join(', ')
    for (const [verb, handler] of Object.entries(handlers)) app.on(verb, path, handler)
    app.options(path, () => new Response(null, { status: 204, headers: { allow } }))
    app.all(path, (c) => refuse(c.req.method, path, allow))
  }
}

function refuse(verb: string, path: string, allow: string): Response {
  const error = new GraftError('method_not_allowed', {
    subject: path,
    expected: allow,
    found: verb,
    mend: 'Use one of those.',
  })
  return problemResponse(toProblem(toPlain(error)), { allow })
}
