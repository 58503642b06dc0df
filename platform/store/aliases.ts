import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import type { AdapterSnapshot } from '../schemas/adapters.ts'
import type { PageRequest } from '../schemas/common.ts'
import { lockName, requireFreeAliasName } from './adapter-names.ts'
import type { Database } from './database.ts'
import { type Page, pageQuery } from './page.ts'
import { adapters } from './schema/adapters.ts'
import { aliases, aliasMoves } from './schema/aliases.ts'
import { throwUnknown } from './throw-errors.ts'

/** A row, with the name and the digest of the adapter that the alias points to. */
export type AliasRow = typeof aliases.$inferSelect & { adapter: string; digest: string }
export type AliasMoveRow = typeof aliasMoves.$inferSelect
export type NewAlias = Pick<AliasRow, 'name' | 'adapter_id' | 'guard'>

/** Returns the adapter that an alias points to. */
export const targetOf = ({ adapter_id, adapter, digest }: AliasRow): AdapterSnapshot => ({
  id: adapter_id,
  name: adapter,
  digest,
})

const aliasQuery = (db: Database) =>
  db
    .select({ ...getTableColumns(aliases), adapter: adapters.name, digest: adapters.digest })
    .from(aliases)
    .innerJoin(adapters, eq(adapters.id, aliases.adapter_id))

async function findAlias(db: Database, name: string): Promise<AliasRow | undefined> {
  const [row] = await aliasQuery(db).where(eq(aliases.name, name))
  return row
}

/** @throws GraftError `alias_unknown` */
export async function selectAlias(db: Database, name: string): Promise<AliasRow> {
  return (await findAlias(db, name)) ?? throwUnknown('alias', name)
}

/**
 * Locks the name of an alias until the transaction ends, so that no other transaction moves, removes or creates it.
 * @returns the alias, or undefined if it does not exist
 */
export async function lockAlias(tx: Database, name: string): Promise<AliasRow | undefined> {
  await lockName(tx, name)
  return findAlias(tx, name)
}

export async function selectAliasPage(db: Database, request: PageRequest = {}): Promise<Page<AliasRow>> {
  const { isAfterCursor, order, limit, toPage } = pageQuery(aliases.id, request)
  return toPage(await aliasQuery(db).where(isAfterCursor).orderBy(order).limit(limit))
}

/**
 * Creates or moves an alias and records the move. The name must be locked by {@link lockAlias}.
 * @throws GraftError `name_taken` if an adapter or an unfinished training has the name
 */
export async function upsertAlias(
  tx: Database,
  alias: NewAlias,
  move: Omit<typeof aliasMoves.$inferInsert, 'alias' | 'guard'>,
): Promise<AliasRow> {
  const { name, ...target } = alias
  await requireFreeAliasName(tx, name)
  await tx
    .insert(aliases)
    .values(alias)
    .onConflictDoUpdate({ target: aliases.name, set: { ...target, moved_at: sql`now()` } })
  await tx.insert(aliasMoves).values({ ...move, alias: name, guard: alias.guard })
  return selectAlias(tx, name)
}

/** Deletes an alias and records that. The name must be locked by {@link lockAlias}. */
export async function deleteAlias(tx: Database, row: AliasRow, owner: string) {
  await tx.delete(aliases).where(eq(aliases.id, row.id))
  await tx.insert(aliasMoves).values({ alias: row.name, from: targetOf(row), forced: false, owner })
}

/** Selects the moves of an alias, which may have been removed. The newest come first. */
export async function selectAliasMovePage(
  db: Database,
  alias: string,
  request: PageRequest = {},
): Promise<Page<AliasMoveRow>> {
  const { isAfterCursor, order, limit, toPage } = pageQuery(aliasMoves.id, request)
  return toPage(
    await db
      .select()
      .from(aliasMoves)
      .where(and(eq(aliasMoves.alias, alias), isAfterCursor))
      .orderBy(order)
      .limit(limit),
  )
}
