import { eq } from 'drizzle-orm'
import { fail } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'
import type { Database } from './database.ts'
import { type Page, type PageRequest, pageOf } from './page.ts'
import { unknown } from './refusals.ts'
import { bases } from './schema/bases.ts'

export type BaseRow = typeof bases.$inferSelect
export type NewBase = typeof bases.$inferInsert

/**
 * The row of a base, made where there is none of its name. Processes that start at once may all call it.
 * @throws GraftError `base_mismatch` where the name stands for other weights
 */
export async function ensureBase(db: Database, base: NewBase): Promise<BaseRow> {
  const [made] = await db.insert(bases).values(base).onConflictDoNothing().returning()
  const row = made ?? (await getBase(db, base.name))
  if (row.fingerprint === base.fingerprint) return row
  return fail('base_mismatch', {
    subject: `the base ${base.name}`,
    expected: `the fingerprint ${row.fingerprint}, which the store knows by that name`,
    found: base.fingerprint,
    fix: 'Give the base another name: adapters refer to the one that is known.',
  })
}

export async function findBase(db: Database, idOrName: string): Promise<BaseRow | undefined> {
  const [row] = await db
    .select()
    .from(bases)
    .where(isUuid(idOrName) ? eq(bases.id, idOrName) : eq(bases.name, idOrName))
  return row
}

/** @throws GraftError `base_unknown` */
export async function getBase(db: Database, idOrName: string): Promise<BaseRow> {
  return (await findBase(db, idOrName)) ?? unknown('base', idOrName)
}

export async function listBases(db: Database, request: PageRequest = {}): Promise<Page<BaseRow>> {
  const { before, order, take, page } = pageOf(bases.id, request)
  return page(await db.select().from(bases).where(before).orderBy(order).limit(take))
}
