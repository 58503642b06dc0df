import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import { fail } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Store } from '../platform/store/store.ts'
import type { Access } from '../platform/use-cases/access.ts'
import { type AppEnv, remoteAddressOf } from './app-env.ts'
import { makeAuthorizer } from './auth.ts'
import { type AllowsOrigin, makeCors } from './cors.ts'
import { toErrorResponse } from './error-response.ts'
import { limitFailedKeys } from './failed-keys.ts'
import { makeFairTurns } from './fair-turns.ts'
import type { Limits } from './limits.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics/metrics.ts'
import { type MountOptions, mountRoutes } from './mount.ts'
import type { Pages } from './pages/pages.ts'
import { makeRateLimit, type Rate } from './rate-limit.ts'
import type { Route } from './route.ts'
import { startRequestSpan } from './tracing/request-span.ts'
import { describeUnknownPath, unknownPathFormatOf } from './unknown-path.ts'

export interface AssembleOptions {
  /** The API keys. If not set, there are no keys, and only requests from this machine are accepted. */
  access?: Access
  /**
   * Requests that each caller may make; false for no limit. Defaults to 6,000 a minute for a key, and to no limit
   * without keys. On PostgreSQL, all servers count together.
   */
  rateLimit?: Rate | false
  /** Requests with a wrong key that each address may make. Defaults to 60 a minute. */
  failedKeyRate?: Rate
  /**
   * Origins whose pages may use the API from a browser, such as `https://films.example`. Defaults to none. Without
   * keys, every page of these origins has full access.
   */
  allowOrigins?: readonly string[]
  /** The pages for people. Defaults to none. */
  pages?: Pages
  /** Receives one line per request. If not set, requests are not logged. */
  log?: Log
}

interface Parts {
  routes: readonly Route[]
  metrics: Metrics
  logger: Logger
  store: Store
  limits: Limits
  bodies: MountOptions['bodies']
}

/** Assembles an app from its routes: every request is authorized, limited, counted and logged. */
export function assembleApp(
  { routes, metrics, logger, store, limits, bodies }: Parts,
  { access, rateLimit, failedKeyRate, allowOrigins = [], pages, log }: AssembleOptions,
): Hono<AppEnv> {
  const allowsOrigin: AllowsOrigin = (origin) => typeof origin === 'string' && allowOrigins.includes(origin)
  const limitRate = makeRateLimit(rateLimit, store.client)
  const authorizeRequest = makeAuthorizer(access, limitRate, limitFailedKeys(failedKeyRate), allowsOrigin)
  const app = new Hono<AppEnv>()

  app.use(async (c, next) => {
    const started = performance.now()
    const requestId = randomUUID()
    c.set('requestId', requestId)
    const clientRequestId = toSafeId(c.req.header('x-request-id'))
    const span = startRequestSpan(c.req.raw)
    await span.run(next)
    const { headers, status } = c.res
    headers.set('x-request-id', requestId)
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!headers.has(name)) headers.set(name, value)
    const { route = 'none', owner, rows, errorCode } = c.var
    const elapsedMs = performance.now() - started
    const method = KNOWN_METHODS.has(c.req.method) ? c.req.method : 'other'
    metrics.observeRequest({ route, method, status }, elapsedMs / 1000)
    if (rows !== undefined) metrics.countRows(rows)
    span.end({ route, method, status, requestId, errorCode })
    log?.info({
      request_id: requestId,
      trace_id: span.traceId,
      client_request_id: clientRequestId,
      method,
      route,
      status,
      duration_ms: Math.round(elapsedMs * 10) / 10,
      error_code: errorCode,
      rows,
      key_id: owner || undefined,
    })
  })
  if (allowOrigins.length > 0) app.use(makeCors(allowsOrigin))
  mountRoutes(app, routes, {
    logger,
    authorizeRequest,
    allowsOrigin,
    limitRate,
    limits,
    turns: makeFairTurns(),
    bodies,
  })

  const knownPaths = new Set(routes.map(({ path }) => path))
  app.notFound(async (c) => {
    try {
      await authorizeRequest(c.req.raw, remoteAddressOf(c), 'none')
      const page = pages?.respond(c.req.raw)
      if (page) {
        c.set('route', page.route)
        return page.response
      }
      return fail('not_found', describeUnknownPath(c.req.path, knownPaths))
    } catch (error) {
      return toErrorResponse(c, error, logger, unknownPathFormatOf(c.req.raw, c.req.path))
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

/** Returns the client's own id if it is safe to log. */
const toSafeId = (given: string | undefined): string | undefined =>
  given !== undefined && /^[\w.:=+/-]{1,128}$/.test(given) ? given : undefined
