import type { MiddlewareHandler } from 'hono'
import { fail } from '../core/errors.ts'

const local = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i

/**
 * Without keys, whoever reaches the server may use it, so a page of another origin must not, not even one whose name was
 * pointed at this machine (DNS rebinding): Host and Origin have to name this machine.
 * @throws GraftError `host_refused`
 */
export const localOnly: MiddlewareHandler = async (c, next) => {
  const host = c.req.header('host') ?? ''
  if (!local.test(host)) refuse('host', host)
  const origin = c.req.header('origin')
  if (origin !== undefined && !local.test(origin.replace(/^https?:\/\//i, ''))) refuse('origin', origin)
  await next()
}

function refuse(subject: string, found: string): never {
  fail('host_refused', {
    subject,
    expected: 'localhost, 127.0.0.1 or [::1], with any port',
    found: found || 'none',
    mend: 'Ask from this machine, by one of those names.',
  })
}
