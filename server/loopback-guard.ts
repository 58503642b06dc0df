import { fail } from '../core/errors.ts'

const local = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i
const loopback = /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i

/**
 * Without keys, whoever reaches the server may use it, so a page of another origin must not, not even one whose name was
 * pointed at this machine (DNS rebinding): Host and Origin have to name this machine.
 * @param address where the connection came from; undefined within the process
 * @throws GraftError `host_not_allowed`
 */
export function requireLocal({ headers, url }: Request, address: string | undefined): void {
  if (address !== undefined && !loopback.test(address)) refuse('the connection', 'one from this machine', address)
  // No connection comes this far without the header; within the process there is none.
  const host = headers.get('host') ?? new URL(url).host
  if (!local.test(host)) refuse('host', NAMES, host)
  const origin = headers.get('origin')
  if (origin !== null && !local.test(origin.replace(/^https?:\/\//i, ''))) refuse('origin', NAMES, origin)
}

export const isLoopback = (host: string): boolean => /^localhost$/i.test(host) || loopback.test(host)

const NAMES = 'localhost, 127.0.0.1 or [::1], with any port'

function refuse(subject: string, expected: string, found: string): never {
  fail('host_not_allowed', {
    subject,
    expected,
    found: found || 'none',
    fix: 'Ask from this machine, by one of those names; for others, make a key first: graft key create.',
  })
}
