import type { Caller } from '../platform.ts'
import type { Database } from '../store/database.ts'
import { once } from '../store/idempotency.ts'
import type { Store } from '../store/store.ts'

interface KeyedWork {
  caller: Caller
  operation: string
  /** Absent where the caller gave none: then the work is done each time. */
  key: string | undefined
  request: unknown
}

/**
 * Does a piece of work in one transaction, once for each key.
 * @returns what the work answered, the first time
 * @throws GraftError `idempotency_conflict`
 */
export async function perKey<T>(
  store: Store,
  { caller, operation, key, request }: KeyedWork,
  work: (tx: Database) => Promise<T>,
): Promise<T> {
  if (key === undefined) return store.transaction(work)
  const { answer } = await once(store.db, { owner: caller.owner, operation, key, request }, work)
  return answer
}
