import { createHash, randomBytes } from 'node:crypto'
import { and, arrayContains, eq, getTableColumns, isNull, lt, or, sql } from 'drizzle-orm'
import { MINUTE_MS } from '../../core/durations.ts'
import { isUuid } from '../../core/uuid.ts'
import type { PageRequest } from '../schemas/common.ts'
import type { KeyScope } from '../schemas/statuses.ts'
import type { Database } from './database.ts'
import { type Page, pageQuery } from './page.ts'
import { apiKeys } from './schema/api-keys.ts'
import { throwUnknown } from './throw-errors.ts'

export type ApiKeyRow = Omit<typeof apiKeys.$inferSelect, 'hash'>

const SECRET_PREFIX = 'graft_'

/** All columns that may leave the store. */
const { hash: _, ...publicColumns } = getTableColumns(apiKeys)

/** 32 random bytes in base64url, after the prefix. */
const SECRET_FORMAT = /^graft_[\w-]{43}$/

/** Returns the hash under which the store knows a key, or undefined for a text that cannot be a key. */
export const hashOfSecret = (text: string): string | undefined => (SECRET_FORMAT.test(text) ? hashOf(text) : undefined)

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** @returns the row, and the secret, which is stored nowhere and cannot be read again */
export async function insertApiKey(
  db: Database,
  { name, scopes }: { name: string; scopes: readonly KeyScope[] },
): Promise<{ key: ApiKeyRow; secret: string }> {
  const secret = SECRET_PREFIX + randomBytes(32).toString('base64url')
  const prefix = secret.slice(0, SECRET_PREFIX.length + 6)
  const [key] = await db
    .insert(apiKeys)
    .values({ name, scopes: [...new Set(scopes)], prefix, hash: hashOf(secret) })
    .returning(publicColumns)
  return { key, secret }
}

export async function selectApiKeyPage(db: Database, request: PageRequest = {}): Promise<Page<ApiKeyRow>> {
  const { isAfterCursor, order, limit, toPage } = pageQuery(apiKeys.id, request)
  return toPage(await db.select(publicColumns).from(apiKeys).where(isAfterCursor).orderBy(order).limit(limit))
}

/**
 * Returns whether there is a valid key. Without one, the server accepts only requests from its own machine.
 * @param scope counts only the keys that have this scope
 */
export async function hasApiKeys(db: Database, scope?: KeyScope): Promise<boolean> {
  const hasScope = scope && arrayContains(apiKeys.scopes, [scope])
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(isNull(apiKeys.revoked_at), hasScope))
    .limit(1)
  return rows.length > 0
}

/** @throws GraftError `key_unknown` if the key does not exist or is already revoked */
export async function revokeApiKey(db: Database, id: string): Promise<ApiKeyRow> {
  const isValid = and(eq(apiKeys.id, id), isNull(apiKeys.revoked_at))
  const [row] = isUuid(id)
    ? await db.update(apiKeys).set({ revoked_at: sql`now()` }).where(isValid).returning(publicColumns)
    : []
  return row ?? throwUnknown('key', id)
}

/**
 * Selects the valid key that has this secret. The index finds it by its hash, so the time that this takes reveals
 * nothing about other keys.
 * @returns undefined if no valid key has it
 */
export async function verifyApiKey(db: Database, secret: string): Promise<ApiKeyRow | undefined> {
  const hash = hashOfSecret(secret)
  if (hash === undefined) return undefined
  const [row] = await db
    .select(publicColumns)
    .from(apiKeys)
    .where(and(eq(apiKeys.hash, hash), isNull(apiKeys.revoked_at)))
  // Records the time at most once a minute, so that not every request writes.
  const isStale = or(isNull(apiKeys.last_used_at), lt(apiKeys.last_used_at, sql`now() - interval '1 minute'`))
  if (row && Date.now() - (row.last_used_at?.getTime() ?? 0) > MINUTE_MS)
    await db
      .update(apiKeys)
      .set({ last_used_at: sql`now()` })
      .where(and(eq(apiKeys.id, row.id), isStale))
  return row
}
