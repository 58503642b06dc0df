import type { Caller } from '../platform/platform.ts'
import type { KeyScope } from '../platform/schemas/statuses.ts'
import { type Access, requireScope } from '../platform/use-cases/access.ts'
import type { AllowsOrigin } from './cors.ts'
import { failWithHeaders } from './error-response.ts'
import type { CountFailedKey } from './failed-keys.ts'
import type { Requester } from './fair-share.ts'
import { requireLoopback } from './loopback-guard.ts'
import type { RateLimit } from './rate-limit.ts'

/** The one who makes a request: what it may do, and whom the limits count. */
export interface Authorized {
  caller: Caller
  requester: Requester
}

/** Returns who makes a request, or throws if the request is not allowed. */
export type AuthorizeRequest = (
  request: Request,
  address: string | undefined,
  scope: KeyScope | 'none',
) => Promise<Authorized>

/** The caller of every accepted request while there are no keys. It may do everything. */
const ANONYMOUS: Caller = { owner: '', scopes: ['admin'] }

/**
 * Creates the authorization of requests. Without keys, only requests from this machine are accepted. Once a key has
 * been seen, every request needs one, even after the last key was revoked: a protected server must not become open
 * again.
 * @param allowsOrigin returns whether pages of an origin may use the API also without keys
 * @throws GraftError `host_not_allowed`, `key_required`, `key_invalid`, `scope_missing`, `rate_limited`
 */
export function makeAuthorizer(
  access: Access | undefined,
  limitRate: RateLimit,
  countFailedKey: CountFailedKey,
  allowsOrigin: AllowsOrigin,
): AuthorizeRequest {
  let keysExist = false
  return async (request, address, scope) => {
    // The liveness check must work even while the store does not answer.
    keysExist ||=
      (await access?.hasKeys().catch((error) => (scope === 'none' ? false : Promise.reject(error)))) ?? false
    if (!keysExist) requireLoopback(request, address, allowsOrigin)
    const anonymous = { caller: ANONYMOUS, requester: { id: address ?? '', hasKey: false } }
    if (scope === 'none') return anonymous
    const authorized =
      keysExist && access ? await authenticate(request.headers, access, () => countFailedKey(address)) : anonymous
    requireScope(authorized.caller, scope)
    await limitRate(authorized.requester, 1)
    return authorized
  }
}

/** @param onWrongKey called before a wrong key is rejected */
async function authenticate(headers: Headers, access: Access, onWrongKey: () => Promise<void>): Promise<Authorized> {
  const authorization = headers.get('authorization')
  const [, secret] = authorization?.match(/^Bearer +([\x21-\x7e]+)$/i) ?? []
  const subject = 'the authorization header'
  const fix = 'Send authorization: Bearer graft_… with a key from graft key create.'
  if (authorization === null)
    failWithHeaders(
      'key_required',
      { subject, problem: 'is missing', fix },
      { 'www-authenticate': 'Bearer realm="graft"' },
    )
  const caller = secret === undefined ? undefined : await access.verify(secret)
  if (caller) return { caller, requester: { id: caller.owner, hasKey: true } }
  await onWrongKey()
  return failWithHeaders(
    'key_invalid',
    {
      subject,
      expected: 'Bearer and a valid key',
      found: secret === undefined ? 'a value in another form' : 'a key that is unknown or was revoked',
      fix,
    },
    { 'www-authenticate': 'Bearer realm="graft", error="invalid_token"' },
  )
}
