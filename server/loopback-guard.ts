import { fail } from '../core/errors.ts'
import type { AllowsOrigin } from './cors.ts'

const loopbackOrigin = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i
const loopbackAddress = /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i

/** Methods that change nothing. A page can send them as navigations, such as a click on a link. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Rejects a request that does not come from this machine. Without keys, anyone who reaches the server may use it, so a
 * web page of another origin must not reach it, even if its host name resolves to this machine (DNS rebinding).
 * Therefore Host and Origin must both name this machine, and the browser must not say that another site sends the
 * request.
 * @param address where the connection came from; undefined within the process
 * @param allowsOrigin returns whether pages of an origin were allowed
 * @throws GraftError `host_not_allowed`
 */
export function requireLoopback(request: Request, address: string | undefined, allowsOrigin: AllowsOrigin): void {
  if (address !== undefined && !loopbackAddress.test(address))
    throwHostNotAllowed('the connection', 'a connection from this machine', address)
  // A request within the process has no such header.
  const host = request.headers.get('host') ?? new URL(request.url).host
  if (!loopbackOrigin.test(host)) throwHostNotAllowed('host', LOOPBACK_NAMES, host)
  if (allowsOrigin(request.headers.get('origin'))) return
  requireLoopbackOrigin(request, allowsOrigin)
  requireOwnSite(request, host)
}

/**
 * Rejects a request of a web page that was not loaded from this machine, unless its origin was allowed.
 * @throws GraftError `host_not_allowed`
 */
export function requireLoopbackOrigin({ headers }: Request, allowsOrigin: AllowsOrigin): void {
  const origin = headers.get('origin')
  if (origin !== null && !allowsOrigin(origin) && !loopbackOrigin.test(hostOf(origin)))
    throwHostNotAllowed('origin', LOOPBACK_NAMES, origin)
}

/**
 * Rejects a request of a web page of another site. A page of another port of this machine, which is the same site, may
 * only send requests that change nothing. Browsers report the site themselves (Fetch Metadata Request Headers, W3C);
 * for those that do not, the origin of a request that changes something must be this server.
 */
function requireOwnSite({ headers, method }: Request, host: string): void {
  const site = headers.get('sec-fetch-site')
  const origin = headers.get('origin')
  const isSafe = SAFE_METHODS.has(method)
  if (site === null) {
    if (!isSafe && origin !== null && hostOf(origin).toLowerCase() !== host.toLowerCase())
      throwHostNotAllowed('origin', `the address of this server, ${host}`, origin)
    return
  }
  const isLink = headers.get('sec-fetch-mode') === 'navigate' && headers.get('sec-fetch-dest') === 'document'
  if (site === 'same-origin' || site === 'none' || (isSafe && (site === 'same-site' || isLink))) return
  throwHostNotAllowed('sec-fetch-site', isSafe ? 'same-origin, same-site or none' : 'same-origin or none', site)
}

export const isLoopback = (host: string): boolean => /^localhost$/i.test(host) || loopbackAddress.test(host)

const hostOf = (origin: string): string => origin.replace(/^https?:\/\//i, '')

const LOOPBACK_NAMES = 'localhost, 127.0.0.1 or [::1], with any port'

function throwHostNotAllowed(subject: string, expected: string, found: string): never {
  fail('host_not_allowed', {
    subject,
    expected,
    found: found || 'none',
    fix: 'Send the request from this machine to localhost. To allow other machines, create a key: graft key create. To allow the pages of an origin, start the server with --allow-origin.',
  })
}
