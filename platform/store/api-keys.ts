import { createHash, randomBytes } from 'node:crypto'
import { and, arrayContains, eq, getTableColumns, isNull, lt, or, sql } from 'drizzle-orm'
import { isUuid } from '../../core/uuid.ts'
import type { KeyScope } from '../schemas/statuses.ts'
import type { Database } from './database.ts'
import { type Page, type PageRequest, pageOf } from './page.ts'
import { unknown } from './refusals.ts'
import { apiKeys } from './schema/api-keys.ts'

export type ApiKeyRow = Omit<typeof apiKeys.$inferSelect, 'hash'>

const PREFIX = 'graft_'

/** All that may be shown. */
const { hash: _, ...shown } = getTableColumns(apiKeys)

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** @returns the key's row and the key itself, which cannot be had again */
export async function createApiKey(
  db: Database,
  { name, scopes }: { name: string; scopes: readonly KeyScope[] },
): Promise<{ key: ApiKeyRow; secret: string }> {
  const secret = PREFIX + randomBytes(32).toString('base64url')
  const prefix = secret.slice(0, PREFIX.length + 6)
  const [key] = await db
    .insert(apiKeys)
    .values({ name, scopes: [...new Set(scopes)], prefix, hash: hashOf(secret) })
    .returning(shown)
  return { key, secret }
}

export async function listApiKeys(db: Database, request: PageRequest = {}): Promise<Page<ApiKeyRow>> {
  const { before, order, take, page } = pageOf(apiKeys.id, request)
  return page(await db.select(shown).from(apiKeys).where(before).orderBy(order).limit(take))
}

/**
 * Whether any key is valid: without one, only this machine is answered.
 * @param scope counts only the keys that have it
 */
export async function hasApiKeys(db: Database, scope?: KeyScope): Promise<boolean> {
  const scoped = scope && arrayContains(apiKeys.scopes, [scope])
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(isNull(apiKeys.revoked_at), scoped))
    .limit(1)
  return rows.length > 0
}

/** @throws GraftError `key_unknown` where there is none, or it was revoked before */
export async function revokeApiKey(db: Database, id: string): Promise<ApiKeyRow> {
  const valid = and(eq(apiKeys.id, id), isNull(apiKeys.revoked_at))
  const [row] = isUuid(id) ? await db.update(apiKeys).set({ revoked_at: sql`now()` }).where(valid).returning(shown) : []
  return row ?? unknown('key', id)
}

/**
 * The valid key of this secret. The index finds it by its hash, so the time that this takes tells nothing of other keys.
 * @returns undefined for any that is not valid
 */
export async function verifyApiKey(db: Database, secret: string): Promise<ApiKeyRow | undefined> {
  const [row] = await db
    .select(shown)
    .from(apiKeys)
    .where(and(eq(apiKeys.hash, hashOf(secret)), isNull(apiKeys.revoked_at)))
  // To the minute, so that not every request writes.
  const stale = or(isNull(apiKeys.last_used_at), lt(apiKeys.last_used_at, sql`now() - interval '1 minute'`))
  if (row && Date.now() - (row.last_used_at?.getTime() ?? 0) > 60_000)
    await db
      .update(apiKeys)
      .set({ last_used_at: sql`now()` })
      .where(and(eq(apiKeys.id, row.id), stale))
  return row
}
