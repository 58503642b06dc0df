import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import { fail } from '../core/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { problemOf } from '../platform/problem.ts'
import { localOnly } from './local-only.ts'
import { mount } from './mount.ts'
import { problemResponse } from './problem-response.ts'
import type { BodyLimits } from './read-json.ts'
import { adapters } from './routes/adapters.ts'
import { errors } from './routes/errors.ts'
import { health } from './routes/health.ts'
import { parameters } from './routes/parameters.ts'
import { predictions } from './routes/predictions.ts'

export interface AppOptions {
  /** Graft's own version, which `/healthz` tells. */
  version: string
  /** Limits of a request's body: 4 MiB and 30 seconds unless given. */
  limits?: Partial<BodyLimits>
}

/** The HTTP API over the use cases: it translates, and decides nothing. */
export function makeApp(platform: Platform, { version, limits }: AppOptions): Hono {
  const bodies = { bytes: 4 * 1024 * 1024, seconds: 30, ...limits }
  const app = new Hono()

  app.use(async (c, next) => {
    await next()
    c.res.headers.set('x-request-id', requestId(c.req.header('x-request-id')))
    c.res.headers.set('x-content-type-options', 'nosniff')
  })
  app.use(localOnly)

  const routes = { ...predictions(platform, bodies), ...adapters(platform), ...parameters(platform) }
  mount(app, { ...routes, ...health(version), ...errors() })

  app.notFound((c) =>
    fail('not_found', {
      subject: c.req.path,
      expected: 'an address of the API, such as /v1/predictions or /v1/adapters',
      found: 'none',
      mend: 'Mind the spelling; addresses have no slash at the end.',
    }),
  )
  app.onError((error, c) => {
    // Nobody is there to read an answer, and what was given up is no fault of ours.
    if (c.req.raw.signal.aborted) return new Response(null, { status: 499 })
    return problemResponse(problemOf(platform, error))
  })
  return app
}

/** The caller's own where it is fit to be shown in a log. */
const requestId = (given: string | undefined): string =>
  given !== undefined && /^[\w.:=+/-]{1,128}$/.test(given) ? given : randomUUID()
