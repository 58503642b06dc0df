import { createHash } from 'node:crypto'
import { and, eq, lt } from 'drizzle-orm'
import { fail } from '../../core/errors.ts'
import type { Database } from './database.ts'
import { idempotencyKeys } from './schema/idempotency-keys.ts'

export interface KeyedRequest {
  /** Who asks: the id of an API key, empty without keys. */
  owner: string
  operation: string
  key: string
  /** What decides whether it is the same request, as it was parsed. */
  request: unknown
}

/**
 * Does a piece of work once for each key. The work and the key are written in one transaction: a repetition waits for the first, gets
 * its answer, or does the work where the first failed.
 * @param work does all with the handle that it is given, and answers in JSON
 * @throws GraftError `idempotency_conflict` where the key came with another request
 */
export async function once<T>(
  db: Database,
  { owner, operation, key, request }: KeyedRequest,
  work: (tx: Database) => Promise<T>,
): Promise<{ answer: T; repeated: boolean }> {
  const request_hash = createHash('sha256').update(canonical(request)).digest('hex')
  const place = and(
    eq(idempotencyKeys.owner, owner),
    eq(idempotencyKeys.operation, operation),
    eq(idempotencyKeys.key, key),
  )
  return db.transaction(async (tx) => {
    const first = await tx
      .insert(idempotencyKeys)
      .values({ owner, operation, key, request_hash })
      .onConflictDoNothing()
      .returning({ key: idempotencyKeys.key })
    if (first.length > 0) {
      const answer = await work(tx)
      await tx.update(idempotencyKeys).set({ answer }).where(place)
      return { answer, repeated: false }
    }
    const [known] = await tx.select().from(idempotencyKeys).where(place)
    if (known.request_hash === request_hash) return { answer: known.answer as T, repeated: true }
    return fail('idempotency_conflict', {
      subject: `idempotency key ${JSON.stringify(key)}`,
      expected: 'the same request as before',
      found: 'another one',
      fix: 'Use a new key for a new request.',
    })
  })
}

/** Forgets the keys that are older. @returns how many */
export async function forgetKeys(db: Database, before: Date): Promise<number> {
  const gone = await db
    .delete(idempotencyKeys)
    .where(lt(idempotencyKeys.created_at, before))
    .returning({ key: idempotencyKeys.key })
  return gone.length
}

/** JSON in which the order of an object's fields does not matter. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  ) ?? 'undefined'
