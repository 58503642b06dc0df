import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import type { Platform } from '../platform/platform.ts'
import type { Access } from '../platform/use-cases/access.ts'
import type { HealthCheck } from '../platform/use-cases/health-checks.ts'
import { type AppEnv, remoteAddressOf } from './app-env.ts'
import { makeAuthorizer } from './auth.ts'
import { toErrorResponse } from './error-response.ts'
import type { Log } from './log.ts'
import { makeMetrics } from './metrics.ts'
import { mountRoutes, throwNotFound } from './mount.ts'
import { makeRateLimit, type Rate } from './rate-limit.ts'
import type { BodyLimits } from './read-body.ts'
import type { Route } from './route.ts'
import { routesOf } from './routes.ts'

export interface AppOptions {
  /** Graft's own version, which `/healthz` and the OpenAPI document report. */
  version: string
  /** The API keys. If not set, there are no keys, and only requests from this machine are accepted. */
  access?: Access
  /**
   * Limits of request bodies. JSON defaults to 4 MiB within 30 seconds, an adapter to 1 GiB and a data set to 256 MiB;
   * an upload may pause for at most 30 seconds.
   */
  bodyLimits?: { json?: Partial<BodyLimits>; adapter?: Partial<BodyLimits>; dataset?: Partial<BodyLimits> }
  /**
   * Requests that each caller may make; false for no limit. Defaults to 6,000 a minute for a key, and to no limit
   * without keys.
   */
  rateLimit?: Rate | false
  /** Receives one line per request. If not set, requests are not logged. */
  log?: Log
  /** The checks of `/readyz`. Defaults to none. */
  healthChecks?: readonly HealthCheck[]
  /** Seconds without an event after which an event stream sends a heartbeat. Defaults to 15. */
  heartbeatSeconds?: number
  /** Event streams open at a time. Defaults to 200. */
  maxStreams?: number
  /**
   * Routes in addition to those of the API. They have the same authorization and limits, but are not in the OpenAPI
   * document.
   */
  extraRoutes?: readonly Route[]
  /** Selects the routes of the API to serve. Defaults to all. */
  includeRoute?: (route: Route) => boolean
  /** Requests handled at a time, not counting open event streams. Defaults to 1,000. */
  maxRequests?: number
}

const MIB = 1024 * 1024

/**
 * Creates the HTTP API over the use cases. It translates between HTTP and the use cases, and makes no decisions of its
 * own.
 */
export function makeApp(platform: Platform, options: AppOptions): Hono<AppEnv> {
  const { log, bodyLimits, maxRequests = 1000, extraRoutes = [] } = options
  const { logger } = platform
  const metrics = makeMetrics(platform)
  const bodies = {
    json: { bytes: 4 * MIB, seconds: 30, ...bodyLimits?.json },
    adapter: { bytes: 1024 * MIB, seconds: 30, ...bodyLimits?.adapter },
    dataset: { bytes: 256 * MIB, seconds: 30, ...bodyLimits?.dataset },
  }
  const authorizeRequest = makeAuthorizer(options.access, makeRateLimit(options.rateLimit))
  const app = new Hono<AppEnv>()

  app.use(async (c, next) => {
    const started = performance.now()
    const requestId = toRequestId(c.req.header('x-request-id'))
    c.set('requestId', requestId)
    await next()
    const { headers, status } = c.res
    headers.set('x-request-id', requestId)
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!headers.has(name)) headers.set(name, value)
    const { route = 'none', owner, rows, errorCode } = c.var
    const elapsedMs = performance.now() - started
    const method = KNOWN_METHODS.has(c.req.method) ? c.req.method : 'other'
    metrics.observeRequest({ route, method, status }, elapsedMs / 1000)
    if (rows !== undefined) metrics.countRows(rows)
    log?.info({
      request_id: requestId,
      method,
      route,
      status,
      duration_ms: Math.round(elapsedMs * 10) / 10,
      error_code: errorCode,
      rows,
      key_id: owner || undefined,
    })
  })
  const routes = [...routesOf(platform, { ...options, metrics }), ...extraRoutes]
  mountRoutes(app, routes, { logger, authorizeRequest, bodies, maxRequests })

  app.notFound(async (c) => {
    try {
      await authorizeRequest(c.req.raw, remoteAddressOf(c), 'none')
      return throwNotFound(c.req.path)
    } catch (error) {
      return toErrorResponse(c, error, logger)
    }
  })
  app.onError((error, c) => toErrorResponse(c, error, logger))
  return app
}

/** Headers of every response that does not set its own. */
const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

/**
 * The methods with their own metrics. All others are counted as one, so that nobody can fill the memory with metrics of
 * invented methods.
 */
const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Returns the caller's own id if it is safe to log, and a new one otherwise. */
const toRequestId = (given: string | undefined): string =>
  given !== undefined && /^[\w.:=+/-]{1,128}$/.test(given) ? given : randomUUID()
