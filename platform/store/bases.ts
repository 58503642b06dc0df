import { and, eq, isNull, ne, sql } from 'drizzle-orm'
import { fail } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'
import type { PageRequest } from '../schemas/common.ts'
import type { Database } from './database.ts'
import { type Page, pageQuery } from './page.ts'
import { bases } from './schema/bases.ts'
import { throwUnknown } from './throw-errors.ts'

export type BaseRow = typeof bases.$inferSelect
export type NewBase = typeof bases.$inferInsert

/** The name of the embedded base of this version of Graft. */
export const EMBEDDED = 'embedded'

/**
 * Returns the row of a base, and inserts it if no row has its name. Several processes may call this at the same time.
 * @throws GraftError `base_mismatch` if the name belongs to other weights
 */
export async function ensureBase(db: Database, base: NewBase): Promise<BaseRow> {
  const [inserted] = await db.insert(bases).values(base).onConflictDoNothing().returning()
  const row = inserted ?? (await selectBase(db, base.name))
  if (row.fingerprint === base.fingerprint) return row
  return fail('base_mismatch', {
    subject: `the base ${base.name}`,
    expected: `the fingerprint ${row.fingerprint}, which the database has for this name`,
    found: base.fingerprint,
    fix: 'Give the base another name. Existing adapters refer to the base in the database.',
  })
}

/**
 * Returns the row of the embedded base, and inserts it if there is none. Another version of Graft may have another
 * embedded base. Its row keeps its adapters, but is renamed to `embedded-` and the first 8 digits of its fingerprint.
 */
export async function ensureEmbeddedBase(db: Database, base: Omit<NewBase, 'name' | 'artifact'>): Promise<BaseRow> {
  const [known] = await db
    .select()
    .from(bases)
    .where(and(eq(bases.fingerprint, base.fingerprint), isNull(bases.artifact)))
  if (known) return known
  await db
    .update(bases)
    .set({ name: sql`'embedded-' || left(${bases.fingerprint}, 8)` })
    .where(and(eq(bases.name, EMBEDDED), ne(bases.fingerprint, base.fingerprint)))
  return ensureBase(db, { ...base, name: EMBEDDED, artifact: null })
}

export async function findBase(db: Database, idOrName: string): Promise<BaseRow | undefined> {
  const [row] = await db
    .select()
    .from(bases)
    .where(isUuid(idOrName) ? eq(bases.id, idOrName) : eq(bases.name, idOrName))
  return row
}

/** @throws GraftError `base_unknown` */
export async function selectBase(db: Database, idOrName: string): Promise<BaseRow> {
  return (await findBase(db, idOrName)) ?? throwUnknown('base', idOrName)
}

export async function selectBasePage(db: Database, request: PageRequest = {}): Promise<Page<BaseRow>> {
  const { isAfterCursor, order, limit, toPage } = pageQuery(bases.id, request)
  return toPage(await db.select().from(bases).where(isAfterCursor).orderBy(order).limit(limit))
}
