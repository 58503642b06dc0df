import { fail } from '../core/errors.ts'

/**
 * The key under which a request is done once; undefined where it has none.
 * @throws GraftError `body_invalid`
 */
export function idempotencyKey(headers: Headers): string | undefined {
  const key = headers.get('idempotency-key')
  if (key === null) return undefined
  if (/^[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?$/.test(key)) return key
  return fail('body_invalid', {
    subject: 'idempotency-key',
    expected: '1 to 200 printable characters of ASCII',
    found: key === '' ? 'an empty header' : 'something else',
    mend: 'Make one for each request, a UUID for example, and use it again only to repeat that request.',
  })
}
