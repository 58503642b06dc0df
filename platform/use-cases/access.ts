import { fail } from '../../core/errors.ts'
import type { Caller } from '../platform.ts'
import { type KeyScope, keyScopes } from '../schemas/statuses.ts'
import { hasApiKeys, verifyApiKey } from '../store/api-keys.ts'
import type { Store } from '../store/store.ts'

/** Decides who may do what. */
export interface Access {
  /** Returns whether there is a valid key. Without one, only requests from this machine are accepted. */
  hasKeys(): Promise<boolean>
  /** Returns the owner of a key, or undefined if the key is not valid. */
  verify(secret: string): Promise<Caller | undefined>
}

/** Returns whether a caller has this scope. Each scope includes the lower ones: predict < train < admin. */
export const hasScope = ({ scopes }: Caller, needed: KeyScope): boolean =>
  scopes.some((scope) => keyScopes.indexOf(scope) >= keyScopes.indexOf(needed))

/** @throws GraftError `scope_missing` */
export function requireScope(caller: Caller, needed: KeyScope): void {
  if (hasScope(caller, needed)) return
  fail('scope_missing', {
    subject: 'the key',
    expected: `the scope ${needed}`,
    found: caller.scopes.join(', ') || 'none',
    fix: `Use a key with the scope ${needed}. Create one with graft key create.`,
  })
}

/** The time for which an answer of the store is cached. A revoked key may still be accepted for this long. */
const CACHE_TTL_MS = 3000

/** The maximum number of cached answers. More different keys than this within {@link CACHE_TTL_MS} are guesses. */
const MAX_CACHE_ENTRIES = 10_000

/** Grants access by the API keys in the store. Answers are cached, so that not every request queries the store. */
export function makeAccess({ db }: Pick<Store, 'db'>): Access {
  const verify = cached(async (secret) => {
    const key = await verifyApiKey(db, secret)
    return key && { owner: key.id, scopes: key.scopes }
  })
  const hasKeys = cached(() => hasApiKeys(db))
  return { hasKeys: () => hasKeys(''), verify }
}

/**
 * Caches the result for each argument for {@link CACHE_TTL_MS}. Concurrent calls share one query. A failure is not
 * cached.
 */
function cached<T>(query: (argument: string) => Promise<T>): (argument: string) => Promise<T> {
  const entries = new Map<string, { result: Promise<T>; expires: number }>()
  return (argument) => {
    const now = performance.now()
    const known = entries.get(argument)
    if (known && known.expires > now) return known.result
    if (entries.size >= MAX_CACHE_ENTRIES) entries.clear()
    const result = query(argument)
    entries.set(argument, { result, expires: now + CACHE_TTL_MS })
    result.catch(() => entries.delete(argument))
    return result
  }
}
