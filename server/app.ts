import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import type { Platform } from '../platform/platform.ts'
import type { Access } from '../platform/use-cases/access.ts'
import { addressOf, type Env } from './app-env.ts'
import { openDoors } from './auth.ts'
import type { Log } from './log.ts'
import { makeMetrics } from './metrics.ts'
import { mount, notFound, refused } from './mount.ts'
import { makeRateLimit, type Rate } from './rate-limit.ts'
import type { BodyLimits } from './read-body.ts'
import type { Probe } from './readiness.ts'
import type { Route } from './route.ts'
import { routesOf } from './routes.ts'

export interface AppOptions {
  /** Graft's own version, which `/healthz` and the document tell. */
  version: string
  /** The keys. Where absent there are none, and only this machine is answered. */
  access?: Access
  /** Limits of bodies: 4 MiB of JSON within 30 seconds; 1 GiB for an adapter and 256 MiB for a data set, of which some comes every 30 seconds. */
  limits?: { json?: Partial<BodyLimits>; adapter?: Partial<BodyLimits>; dataset?: Partial<BodyLimits> }
  /** Requests of each caller; false for no limit. By default a key has 6,000 a minute; without keys there is no limit. */
  rate?: Rate | false
  /** One line a request. */
  log?: Log
  /** What `/readyz` looks at. */
  probes?: readonly Probe[]
  /** Seconds of silence after which a stream of events says that it lives. 15 unless given. */
  heartbeatSeconds?: number
  /** Streams of events at a time. 200 unless given. */
  streams?: number
  /** Routes beside the API's own. They have the same doors and limits, and do not stand in the document. */
  more?: readonly Route[]
  /** Which of the API's own routes there are; all where absent. */
  only?: (route: Route) => boolean
  /** Other requests at a time. 1,000 unless given. */
  requests?: number
}

const MIB = 1024 * 1024

/** The HTTP API over the use cases: it translates, and decides nothing. */
export function makeApp(platform: Platform, options: AppOptions): Hono<Env> {
  const { log, limits } = options
  const { logger } = platform
  const metrics = makeMetrics(platform)
  const bodies = {
    json: { bytes: 4 * MIB, seconds: 30, ...limits?.json },
    adapter: { bytes: 1024 * MIB, seconds: 30, ...limits?.adapter },
    dataset: { bytes: 256 * MIB, seconds: 30, ...limits?.dataset },
  }
  const doors = openDoors(options.access, makeRateLimit(options.rate))
  const app = new Hono<Env>()

  app.use(async (c, next) => {
    const started = performance.now()
    const id = requestId(c.req.header('x-request-id'))
    c.set('id', id)
    await next()
    const { headers, status } = c.res
    headers.set('x-request-id', id)
    for (const [name, value] of Object.entries(SECURITY)) if (!headers.has(name)) headers.set(name, value)
    const { route = 'none', owner, rows, code } = c.var
    const ms = performance.now() - started
    const method = METHODS.has(c.req.method) ? c.req.method : 'other'
    metrics.request({ route, method, status }, ms / 1000)
    if (rows !== undefined) metrics.rows(rows)
    log?.info({ id, method, route, status, ms: Math.round(ms * 10) / 10, code, rows, key: owner || undefined })
  })
  const { requests = 1000, more = [] } = options
  mount(app, [...routesOf(platform, { ...options, metrics }), ...more], { logger, doors, bodies, requests })

  app.notFound(async (c) => {
    try {
      await doors(c.req.raw, addressOf(c), 'none')
      return notFound(c.req.path)
    } catch (error) {
      return refused(c, error, logger)
    }
  })
  app.onError((error, c) => refused(c, error, logger))
  return app
}

/** Of every answer that does not set its own. */
const SECURITY = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

/** Others are counted as one, so that nobody can fill the memory with metrics of methods that do not exist. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** The caller's own where it is fit to be shown in a log. */
const requestId = (given: string | undefined): string =>
  given !== undefined && /^[\w.:=+/-]{1,128}$/.test(given) ? given : randomUUID()
