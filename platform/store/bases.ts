import { and, eq, isNull, like, ne, or, sql } from 'drizzle-orm'
import type { HubOrigin } from '../../checkpoint/hub-name.ts'
import { fail } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'
import type { PageRequest } from '../schemas/common.ts'
import type { Drift } from '../schemas/precisions.ts'
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

/** The digits of a commit that stand in the name of a base. */
const COMMIT_DIGITS = 12

/**
 * Returns the name of a base of the hub: that of the row that has its weights, or a new one. The first revision of a
 * repository gets the name of the repository, and others get `owner/name@` and the first digits of their commit.
 */
export async function nameHubBase(
  db: Database,
  { repo, commit }: HubOrigin,
  fingerprint: string,
): Promise<{ name: string; isKnown: boolean }> {
  const revisions = await db
    .select({ name: bases.name, fingerprint: bases.fingerprint })
    .from(bases)
    .where(or(eq(bases.name, repo), like(bases.name, `${repo.replaceAll('_', '\\_')}@%`)))
  const known = revisions.find((row) => row.fingerprint === fingerprint)
  if (known) return { name: known.name, isKnown: true }
  const isFree = revisions.every(({ name }) => name !== repo)
  return { name: isFree ? repo : `${repo}@${commit.slice(0, COMMIT_DIGITS)}`, isKnown: false }
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

/** Stores what int8 changes for a base. */
export async function updateBaseDrift(db: Database, id: string, drift: Drift): Promise<void> {
  await db.update(bases).set({ int8_drift: drift }).where(eq(bases.id, id))
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
