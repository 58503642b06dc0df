import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import type { AppEnv } from './app-env.ts'

/** Returns whether pages of an origin may use the API. */
export type AllowsOrigin = (origin: string | null | undefined) => boolean

/** How long a browser may remember the response to a preflight. It is the most that Chromium accepts. */
const PREFLIGHT_SECONDS = 7200

/**
 * Makes the middleware that lets pages of these origins use the API (CORS, the Fetch standard). There are no cookies,
 * so no credentials are allowed: a page sends its key in the header authorization.
 */
export function makeCors(allowsOrigin: AllowsOrigin): MiddlewareHandler<AppEnv> {
  const addHeaders = cors({
    origin: (origin) => origin,
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposeHeaders: ['*'],
    maxAge: PREFLIGHT_SECONDS,
  })
  return async (c, next) => {
    if (allowsOrigin(c.req.header('origin')) && !isPlainOptions(c.req.raw)) return addHeaders(c, next)
    await next()
    // A cache must not give this response to a page of another origin.
    c.header('vary', 'Origin', { append: true })
  }
}

/** Returns true for OPTIONS that is not a preflight. It returns the methods of the path. */
const isPlainOptions = ({ method, headers }: Request): boolean =>
  method === 'OPTIONS' && !headers.has('access-control-request-method')
