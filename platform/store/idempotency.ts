import { createHash } from 'node:crypto'
import { and, eq, lt } from 'drizzle-orm'
import { fail } from '../../core/errors.ts'
import type { Database } from './database.ts'
import { idempotencyKeys } from './schema/idempotency-keys.ts'

export interface KeyedWork {
  /** The id of the caller's API key. Empty if the server has no keys. */
  owner: string
  operation: string
  /** The caller's idempotency key. If it is not set, the work is done each time. */
  key: string | undefined
  /** The parsed request. A repetition must have an equal one. */
  request: unknown
}

/** The idempotency key of a request, and whose it is. */
export type RequestKey = Pick<KeyedWork, 'owner' | 'key'>

/**
 * Does a piece of work in one transaction, and only once for each key. The key is written in the same transaction: a
 * repetition waits for the first request and gets its response, or does the work if the first request failed.
 * @param work uses only the handle that it receives, and returns JSON
 * @returns the response to the first request
 * @throws GraftError `idempotency_conflict` if the key was used with a different request
 */
export function idempotent<T>(
  db: Database,
  { owner, operation, key, request }: KeyedWork,
  work: (tx: Database) => Promise<T>,
): Promise<T> {
  if (key === undefined) return db.transaction(work)
  const request_hash = createHash('sha256').update(toCanonicalJson(request)).digest('hex')
  const isThisKey = and(
    eq(idempotencyKeys.owner, owner),
    eq(idempotencyKeys.operation, operation),
    eq(idempotencyKeys.key, key),
  )
  return db.transaction(async (tx) => {
    const inserted = await tx
      .insert(idempotencyKeys)
      .values({ owner, operation, key, request_hash })
      .onConflictDoNothing()
      .returning({ key: idempotencyKeys.key })
    if (inserted.length > 0) {
      const response = await work(tx)
      await tx.update(idempotencyKeys).set({ response }).where(isThisKey)
      return response
    }
    const [known] = await tx.select().from(idempotencyKeys).where(isThisKey)
    if (known.request_hash === request_hash) return known.response as T
    return fail('idempotency_conflict', {
      subject: `the idempotency key ${JSON.stringify(key)}`,
      problem: 'was already used with a different request',
      fix: 'Use a new key for a new request.',
    })
  })
}

/** Deletes the keys that were first used before a moment. @returns the number of deleted keys */
export async function deleteIdempotencyKeys(db: Database, before: Date): Promise<number> {
  const deleted = await db
    .delete(idempotencyKeys)
    .where(lt(idempotencyKeys.created_at, before))
    .returning({ key: idempotencyKeys.key })
  return deleted.length
}

/** Returns JSON that does not depend on the order of an object's fields. */
const toCanonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  ) ?? 'undefined'
