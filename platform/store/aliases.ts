import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import type { NamedWeights } from '../schemas/adapters.ts'
import { holdName, requireFreeAliasName } from './adapter-names.ts'
import type { Database } from './database.ts'
import { type Page, type PageRequest, pageOf } from './page.ts'
import { unknown } from './refusals.ts'
import { adapters } from './schema/adapters.ts'
import { aliases, aliasMoves } from './schema/aliases.ts'

/** With the adapter to which it leads. */
export type AliasRow = typeof aliases.$inferSelect & { adapter: string; digest: string }
export type AliasMoveRow = typeof aliasMoves.$inferSelect
export type NewAlias = Pick<AliasRow, 'name' | 'adapter_id' | 'guard'>

/** To what it leads. */
export const leadsTo = ({ adapter_id, adapter, digest }: AliasRow): NamedWeights => ({
  id: adapter_id,
  name: adapter,
  digest,
})

const selected = (db: Database) =>
  db
    .select({ ...getTableColumns(aliases), adapter: adapters.name, digest: adapters.digest })
    .from(aliases)
    .innerJoin(adapters, eq(adapters.id, aliases.adapter_id))

async function findAlias(db: Database, name: string): Promise<AliasRow | undefined> {
  const [row] = await selected(db).where(eq(aliases.name, name))
  return row
}

/** @throws GraftError `alias_unknown` */
export async function getAlias(db: Database, name: string): Promise<AliasRow> {
  return (await findAlias(db, name)) ?? unknown('alias', name)
}

/** The alias as it is until the transaction ends, or undefined where there is none, and none will be made by others. */
export async function holdAlias(tx: Database, name: string): Promise<AliasRow | undefined> {
  await holdName(tx, name)
  return findAlias(tx, name)
}

export async function listAliases(db: Database, request: PageRequest = {}): Promise<Page<AliasRow>> {
  const { before, order, take, page } = pageOf(aliases.id, request)
  return page(await selected(db).where(before).orderBy(order).limit(take))
}

/**
 * Makes an alias that is held, or moves it, and records that.
 * @throws GraftError `name_taken` by an adapter or an unfinished training
 */
export async function moveAlias(
  tx: Database,
  alias: NewAlias,
  move: Omit<typeof aliasMoves.$inferInsert, 'alias' | 'guard'>,
): Promise<AliasRow> {
  const { name, ...to } = alias
  await requireFreeAliasName(tx, name)
  await tx
    .insert(aliases)
    .values(alias)
    .onConflictDoUpdate({ target: aliases.name, set: { ...to, moved_at: sql`now()` } })
  await tx.insert(aliasMoves).values({ ...move, alias: name, guard: alias.guard })
  return getAlias(tx, name)
}

/** Removes an alias that is held, and records that. */
export async function removeAlias(tx: Database, row: AliasRow, owner: string) {
  await tx.delete(aliases).where(eq(aliases.id, row.id))
  await tx.insert(aliasMoves).values({ alias: row.name, from: leadsTo(row), forced: false, owner })
}

/** The newest first; those of an alias that was removed, too. */
export async function listAliasMoves(
  db: Database,
  alias: string,
  request: PageRequest = {},
): Promise<Page<AliasMoveRow>> {
  const { before, order, take, page } = pageOf(aliasMoves.id, request)
  return page(
    await db
      .select()
      .from(aliasMoves)
      .where(and(eq(aliasMoves.alias, alias), before))
      .orderBy(order)
      .limit(take),
  )
}
