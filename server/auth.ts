import type { Caller } from '../platform/platform.ts'
import type { KeyScope } from '../platform/schemas/statuses.ts'
import { type Access, requireScope } from '../platform/use-cases/access.ts'
import { refuse } from './error-response.ts'
import { requireLocal } from './loopback-guard.ts'
import type { RateLimit } from './rate-limit.ts'

/** Lets a request in, or refuses it. */
export type Doors = (request: Request, address: string | undefined, scope: KeyScope | 'none') => Promise<Caller>

/** Where there are no keys, whoever is let in may do everything. */
const anyone: Caller = { owner: '', scopes: ['admin'] }

/**
 * Without keys, only this machine is answered; once a key was seen, every request needs one, also after the last was revoked: what was
 * shut may not fall open.
 * @throws GraftError `host_not_allowed`, `key_required`, `key_invalid`, `scope_missing`, `rate_limited`
 */
export function openDoors(access: Access | undefined, rate: RateLimit): Doors {
  let keyed = false
  return async (request, address, scope) => {
    // Whether the process is up has to be told also while the store does not answer.
    keyed ||= (await access?.hasKeys().catch((error) => (scope === 'none' ? false : Promise.reject(error)))) ?? false
    if (!keyed) requireLocal(request, address)
    if (scope === 'none') return anyone
    const caller = keyed && access ? await callerOf(request.headers, access) : anyone
    requireScope(caller, scope)
    await rate(keyed ? caller.owner : (address ?? ''), keyed)
    return caller
  }
}

async function callerOf(headers: Headers, access: Access): Promise<Caller> {
  const given = headers.get('authorization')
  const [, secret] = given?.match(/^Bearer +([\x21-\x7e]+)$/i) ?? []
  const fix = 'Send the header authorization: Bearer graft_…; graft key create makes a key.'
  if (given === null)
    refuse(
      'key_required',
      { subject: 'authorization', expected: 'a key', found: 'none', fix },
      { 'www-authenticate': 'Bearer realm="graft"' },
    )
  const caller = secret === undefined ? undefined : await access.verify(secret)
  return (
    caller ??
    refuse(
      'key_invalid',
      {
        subject: 'authorization',
        expected: 'Bearer and a valid key',
        found: secret === undefined ? 'something else' : 'a key that is unknown or was revoked',
        fix,
      },
      { 'www-authenticate': 'Bearer realm="graft", error="invalid_token"' },
    )
  )
}
