import { and, desc, eq, getTableColumns, inArray, or, sql } from 'drizzle-orm'
import { fail } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'
import type { NamedWeights } from '../schemas/adapters.ts'
import { takeAdapterName } from './adapter-names.ts'
import type { Database } from './database.ts'
import { type Page, type PageRequest, pageOf } from './page.ts'
import { adapters } from './schema/adapters.ts'
import { aliases } from './schema/aliases.ts'
import { bases } from './schema/bases.ts'
import { trainings, unfinished } from './schema/trainings.ts'

/** With the name of its base, the training that made it where one did, and the aliases that lead to it. */
export type AdapterRow = typeof adapters.$inferSelect & {
  base: string
  training_id: string | null
  aliases: string[]
}
export type NewAdapter = typeof adapters.$inferInsert

/**
 * @param training the unfinished one that makes it, for which the name is kept
 * @throws GraftError `name_taken`, also where another training under way will make one of that name
 */
export async function createAdapter(db: Database, adapter: NewAdapter, training?: string): Promise<AdapterRow> {
  return db.transaction(async (tx) => {
    await takeAdapterName(tx, adapter.name, training)
    const [row] = await tx.insert(adapters).values(adapter).returning({ id: adapters.id })
    return getAdapter(tx, row.id)
  })
}

/** What stands for it where its row may be gone. */
export const weightsOf = ({ id, name, digest }: AdapterRow): NamedWeights => ({ id, name, digest })

/** The aliases of an adapter in a query for adapters. */
const namesOf = (db: Database) =>
  db.select({ name: aliases.name }).from(aliases).where(eq(aliases.adapter_id, adapters.id))

/** Whether an adapter, or an alias that leads to it, bears one of the names. As an array the aliases are found before, so that both use an index. */
function bears(db: Database, names: readonly string[]) {
  const of = db
    .select({ id: aliases.adapter_id })
    .from(aliases)
    .where(inArray(aliases.name, [...names]))
  return or(inArray(adapters.name, [...names]), sql`${adapters.id} = any(array(${of}))`)
}

const selected = (db: Database) =>
  db
    .select({
      ...getTableColumns(adapters),
      base: bases.name,
      training_id: trainings.id,
      aliases: sql<string[]>`array(${namesOf(db)} order by name)`,
    })
    .from(adapters)
    .innerJoin(bases, eq(bases.id, adapters.base_id))
    .leftJoin(trainings, eq(trainings.adapter_id, adapters.id))

/** By its id, its name, or an alias. */
export async function findAdapter(db: Database, asked: string): Promise<AdapterRow | undefined> {
  const [row] = await selected(db).where(isUuid(asked) ? eq(adapters.id, asked) : bears(db, [asked]))
  return row
}

/** @throws GraftError `adapter_unknown` */
export async function getAdapter(db: Database, idOrName: string): Promise<AdapterRow> {
  return (await findAdapter(db, idOrName)) ?? noAdapter(db, idOrName, 'adapter')
}

const LISTED = 20

/** The names as a phrase, the newest of many. */
export async function adapterNames(db: Database): Promise<string> {
  const rows = await db
    .select({ name: adapters.name })
    .from(adapters)
    .orderBy(desc(adapters.id))
    .limit(LISTED + 1)
  const names = rows.slice(0, LISTED).map(({ name }) => name)
  if (names.length === 0) return 'an adapter, of which there is none yet'
  return `${names.length > 1 ? 'one of ' : ''}${names.join(', ')}${rows.length > LISTED ? ' and more' : ''}`
}

async function noAdapter(db: Database, asked: string, subject: string): Promise<never> {
  return fail('adapter_unknown', {
    subject,
    expected: await adapterNames(db),
    found: JSON.stringify(asked.slice(0, 200)),
    fix: 'Name one that there is; GET /v1/adapters and graft adapters list them.',
  })
}

/**
 * Several at once, in the order asked for, which may name one twice.
 * @param subjectOf where the request names each, for the error
 * @throws GraftError `adapter_unknown` for the first that there is not
 */
export async function getAdapters(
  db: Database,
  asked: readonly string[],
  subjectOf: (i: number) => string,
): Promise<AdapterRow[]> {
  const ids = asked.filter(isUuid)
  const names = asked.filter((name) => !isUuid(name))
  const rows = await selected(db).where(or(inArray(adapters.id, ids), bears(db, names)))
  const found = new Map(rows.flatMap((row) => [row.id, row.name, ...row.aliases].map((name) => [name, row] as const)))
  const nameOf = (idOrName: string) => (isUuid(idOrName) ? idOrName.toLowerCase() : idOrName)
  const missing = asked.findIndex((idOrName) => !found.has(nameOf(idOrName)))
  if (missing >= 0) await noAdapter(db, asked[missing], subjectOf(missing))
  return asked.map((idOrName) => found.get(nameOf(idOrName)) as AdapterRow)
}

/** The one adapter where there is no other; else how many there are, counted to two. */
export async function onlyAdapter(db: Database): Promise<AdapterRow | 'none' | 'several'> {
  const rows = await selected(db).limit(2)
  if (rows.length === 1) return rows[0]
  return rows.length === 0 ? 'none' : 'several'
}

export async function listAdapters(
  db: Database,
  { base_id, ...request }: PageRequest & { base_id?: string } = {},
): Promise<Page<AdapterRow>> {
  const { before, order, take, page } = pageOf(adapters.id, request)
  const ofBase = base_id === undefined ? undefined : eq(adapters.base_id, base_id)
  return page(await selected(db).where(and(before, ofBase)).orderBy(order).limit(take))
}

/**
 * Deletes it with its evaluations; trainings keep their rows.
 * @returns what it was
 * @throws GraftError `adapter_unknown`, `in_use` where an unfinished training goes on from it, or an alias leads to it
 */
export async function deleteAdapter(db: Database, idOrName: string): Promise<AdapterRow> {
  return db.transaction(async (tx) => {
    const row = await getAdapter(tx, idOrName)
    // A training that begins from it meanwhile waits here for its row, or is seen below.
    const locked = await tx.select({ id: adapters.id }).from(adapters).where(eq(adapters.id, row.id)).for('update')
    if (locked.length === 0) await noAdapter(tx, idOrName, 'adapter')
    const [user] = await tx
      .select({ id: trainings.id })
      .from(trainings)
      .where(and(eq(trainings.from_adapter_id, row.id), inArray(trainings.status, unfinished)))
      .limit(1)
    if (user)
      fail('in_use', {
        subject: `adapter ${row.name}`,
        expected: 'no unfinished training that goes on from it',
        found: `the training ${user.id}`,
        fix: 'Wait for it, or cancel it.',
      })
    const [alias] = await tx.select({ name: aliases.name }).from(aliases).where(eq(aliases.adapter_id, row.id))
    if (alias)
      fail('in_use', {
        subject: `adapter ${row.name}`,
        expected: 'no alias that leads to it',
        found: alias.name,
        fix: 'Move the alias to another adapter, or remove it.',
      })
    await tx.delete(adapters).where(eq(adapters.id, row.id))
    return row
  })
}
