import { fail } from '../../core/errors.ts'
import type { Caller } from '../platform.ts'
import { type KeyScope, keyScopes } from '../schemas/statuses.ts'
import { hasApiKeys, verifyApiKey } from '../store/api-keys.ts'
import type { Store } from '../store/store.ts'

/** Who may ask, and what. */
export interface Access {
  /** Whether there is any valid key. Without one, only this machine is answered. */
  hasKeys(): Promise<boolean>
  /** @returns undefined for what is no valid key */
  verify(secret: string): Promise<Caller | undefined>
}

/** Whether a caller may do what needs this scope: each scope holds those before it, predict < train < admin. */
export const allows = ({ scopes }: Caller, needed: KeyScope): boolean =>
  scopes.some((scope) => keyScopes.indexOf(scope) >= keyScopes.indexOf(needed))

/** @throws GraftError `scope_missing` */
export function requireScope(caller: Caller, needed: KeyScope): void {
  if (allows(caller, needed)) return
  fail('scope_missing', {
    subject: 'the key',
    expected: `the scope ${needed}`,
    found: caller.scopes.join(', ') || 'none',
    fix: `Use a key with the scope ${needed}: graft key create makes one.`,
  })
}

/** Milliseconds for which an answer of the store is good: so long may a revoked key still be taken. */
const KEPT = 3000

/** Entries kept: more different keys than this in so short a time are guesses. */
const MOST = 10_000

/** Access by the store's keys. Not every request asks the store. */
export function storeAccess({ db }: Pick<Store, 'db'>): Access {
  const verify = kept(async (secret) => {
    const key = await verifyApiKey(db, secret)
    return key && { owner: key.id, scopes: key.scopes }
  })
  const any = kept(() => hasApiKeys(db))
  return { hasKeys: () => any(''), verify }
}

/** Asks once for each text in {@link KEPT} milliseconds; who asks meanwhile gets the same answer. A failure is not kept. */
function kept<T>(ask: (text: string) => Promise<T>): (text: string) => Promise<T> {
  const answers = new Map<string, { answer: Promise<T>; until: number }>()
  return (text) => {
    const now = performance.now()
    const known = answers.get(text)
    if (known && known.until > now) return known.answer
    if (answers.size >= MOST) answers.clear()
    const answer = ask(text)
    answers.set(text, { answer, until: now + KEPT })
    answer.catch(() => answers.delete(text))
    return answer
  }
}
