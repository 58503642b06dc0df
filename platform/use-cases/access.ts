import { fail } from '../../core/errors.ts'
import type { Caller } from '../platform.ts'
import { type KeyScope, keyScopes } from '../schemas/statuses.ts'
import { hasApiKeys, hashOfSecret, verifyApiKey } from '../store/api-keys.ts'
import type { Database } from '../store/database.ts'
import type { Store } from '../store/store.ts'

/** Decides who may do what. */
export interface Access {
  /** Returns whether there is a valid key. Without one, only requests from this machine are accepted. */
  hasKeys(): Promise<boolean>
  /** Returns the owner of a key, or undefined if the key is not valid. */
  verify(secret: string): Promise<Caller | undefined>
}

/** The scopes that each scope includes. */
const includedScopes: Readonly<Record<KeyScope, readonly KeyScope[]>> = {
  predict: ['predict'],
  train: ['predict', 'train'],
  metrics: ['metrics'],
  admin: keyScopes,
}

/** Returns whether a caller has this scope, or one that includes it. */
export const hasScope = ({ scopes }: Caller, needed: KeyScope): boolean =>
  scopes.some((scope) => includedScopes[scope].includes(needed))

/** Returns the scopes of a caller, with those that they include. */
export const scopesOf = (caller: Caller): KeyScope[] => keyScopes.filter((scope) => hasScope(caller, scope))

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

/** The time after which an answer that is used is replaced by a new one. */
const REFRESH_AFTER_MS = 1000

/** The maximum number of cached answers. More different keys than this within {@link CACHE_TTL_MS} are guesses. */
const MAX_CACHE_ENTRIES = 10_000

/** The caches of the answers of each store. */
const caches = new WeakMap<Database, Cache<unknown>[]>()

/**
 * Grants access by the API keys in the store. Answers are cached, so that not every request queries the store. A text
 * that cannot be a key is not looked up.
 */
export function makeAccess({ db }: Pick<Store, 'db'>): Access {
  const keysExist = makeCache<boolean>()
  const callers = makeCache<Caller | undefined>()
  caches.set(db, [...(caches.get(db) ?? []), keysExist, callers])
  const verify = async (secret: string): Promise<Caller | undefined> => {
    const key = await verifyApiKey(db, secret)
    return key && { owner: key.id, scopes: key.scopes }
  }
  return {
    hasKeys: () => keysExist.get('', () => hasApiKeys(db)),
    async verify(secret) {
      const hash = hashOfSecret(secret)
      return hash === undefined ? undefined : callers.get(hash, () => verify(secret))
    },
  }
}

/** Forgets the cached answers, so that this process knows a new or revoked key at once. */
export function forgetAnswers({ db }: Pick<Store, 'db'>): void {
  for (const cache of caches.get(db) ?? []) cache.clear()
}

interface Cache<T> {
  get(key: string, query: () => Promise<T>): Promise<T>
  clear(): void
}

/**
 * Caches the result of the query for each key for {@link CACHE_TTL_MS}. Concurrent calls share one query. A result that
 * is still in use after {@link REFRESH_AFTER_MS} is replaced while it is used, so that a client that asks all the time
 * never waits for the store. A failure is not cached.
 */
function makeCache<T>(): Cache<T> {
  const entries = new Map<string, { result: Promise<T>; refreshAt: number; expires: number }>()
  const enter = (key: string, result: Promise<T>, began: number) => {
    if (entries.size >= MAX_CACHE_ENTRIES) entries.clear()
    entries.set(key, { result, refreshAt: began + REFRESH_AFTER_MS, expires: began + CACHE_TTL_MS })
  }
  return {
    get(key, query) {
      const now = performance.now()
      const known = entries.get(key)
      if (known && known.expires > now) {
        if (known.refreshAt <= now) {
          known.refreshAt = known.expires
          query().then(
            // Unless it was cleared, or replaced by a newer one.
            (value) => entries.get(key) === known && enter(key, Promise.resolve(value), now),
            () => {},
          )
        }
        return known.result
      }
      const result = query()
      enter(key, result, now)
      result.catch(() => entries.delete(key))
      return result
    },
    clear: () => entries.clear(),
  }
}
