import { fail } from '../core/errors.ts'

const loopbackOrigin = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i
const loopbackAddress = /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i

/**
 * Rejects a request that does not come from this machine. Without keys, anyone who reaches the server may use it, so a
 * web page of another origin must not reach it, even if its host name resolves to this machine (DNS rebinding).
 * Therefore Host and Origin must both name this machine.
 * @param address where the connection came from; undefined within the process
 * @throws GraftError `host_not_allowed`
 */
export function requireLoopback({ headers, url }: Request, address: string | undefined): void {
  if (address !== undefined && !loopbackAddress.test(address))
    throwHostNotAllowed('the connection', 'a connection from this machine', address)
  // Node rejects connections without the header; a request within the process has none.
  const host = headers.get('host') ?? new URL(url).host
  if (!loopbackOrigin.test(host)) throwHostNotAllowed('host', LOOPBACK_NAMES, host)
  const origin = headers.get('origin')
  if (origin !== null && !loopbackOrigin.test(origin.replace(/^https?:\/\//i, '')))
    throwHostNotAllowed('origin', LOOPBACK_NAMES, origin)
}

export const isLoopback = (host: string): boolean => /^localhost$/i.test(host) || loopbackAddress.test(host)

const LOOPBACK_NAMES = 'localhost, 127.0.0.1 or [::1], with any port'

function throwHostNotAllowed(subject: string, expected: string, found: string): never {
  fail('host_not_allowed', {
    subject,
    expected,
    found: found || 'none',
    fix: 'Send the request from this machine to localhost. To allow other machines, create a key: graft key create.',
  })
}
