import { and, desc, eq, getTableColumns, inArray, or, sql } from 'drizzle-orm'
import { fail } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'
import type { AdapterSnapshot } from '../schemas/adapters.ts'
import type { PageRequest } from '../schemas/common.ts'
import { reserveAdapterName } from './adapter-names.ts'
import type { Database } from './database.ts'
import { type Page, pageQuery } from './page.ts'
import { adapters } from './schema/adapters.ts'
import { aliases } from './schema/aliases.ts'
import { bases } from './schema/bases.ts'
import { comparisons } from './schema/comparisons.ts'
import { trainings, unfinishedTrainingStatuses } from './schema/trainings.ts'
import { unfinishedWorkStatuses } from './short-work.ts'

/** A row, with the name of its base, the id of the training that made it, and the aliases that point to it. */
export type AdapterRow = typeof adapters.$inferSelect & {
  base: string
  training_id: string | null
  aliases: string[]
}
export type NewAdapter = typeof adapters.$inferInsert

/** The part of a row that a prediction needs. Labels and metrics may be large, and are not read for each request. */
export type AdapterReference = Pick<AdapterRow, 'id' | 'name' | 'base_id' | 'base' | 'digest' | 'artifact' | 'aliases'>

/**
 * Inserts an adapter.
 * @param training the id of the unfinished training that makes the adapter and has reserved its name
 * @throws GraftError `name_taken`, also if another unfinished training has reserved the name
 */
export async function insertAdapter(db: Database, adapter: NewAdapter, training?: string): Promise<AdapterRow> {
  return db.transaction(async (tx) => {
    await reserveAdapterName(tx, adapter.name, training)
    const [row] = await tx.insert(adapters).values(adapter).returning({ id: adapters.id })
    return selectAdapter(tx, row.id)
  })
}

/** True if any adapter is of the base. */
export async function hasAdapters(db: Database, baseId: string): Promise<boolean> {
  return (await db.select({ id: adapters.id }).from(adapters).where(eq(adapters.base_id, baseId)).limit(1)).length > 0
}

/** Returns what identifies the adapter after its row is deleted. */
export const snapshotOf = ({ id, name, digest }: AdapterRow): AdapterSnapshot => ({ id, name, digest })

/** The aliases of the adapter that the outer query selects. */
function aliasNames(db: Database) {
  const ofAdapter = db.select({ name: aliases.name }).from(aliases).where(eq(aliases.adapter_id, adapters.id))
  return sql<string[]>`array(${ofAdapter} order by name)`
}

/**
 * Matches the adapters that have one of the names, or an alias with one. The ids of the aliases are an array, so that
 * both conditions use an index.
 */
function hasName(db: Database, names: readonly string[]) {
  const adapterIds = db
    .select({ id: aliases.adapter_id })
    .from(aliases)
    .where(inArray(aliases.name, [...names]))
  return or(inArray(adapters.name, [...names]), sql`${adapters.id} = any(array(${adapterIds}))`)
}

const adapterQuery = (db: Database) =>
  db
    .select({
      ...getTableColumns(adapters),
      base: bases.name,
      training_id: trainings.id,
      aliases: aliasNames(db),
    })
    .from(adapters)
    .innerJoin(bases, eq(bases.id, adapters.base_id))
    .leftJoin(trainings, eq(trainings.adapter_id, adapters.id))

const referenceQuery = (db: Database) =>
  db
    .select({
      id: adapters.id,
      name: adapters.name,
      base_id: adapters.base_id,
      base: bases.name,
      digest: adapters.digest,
      artifact: adapters.artifact,
      aliases: aliasNames(db),
    })
    .from(adapters)
    .innerJoin(bases, eq(bases.id, adapters.base_id))

/** Selects an adapter by its id, its name or an alias. */
export async function findAdapter(db: Database, idOrName: string): Promise<AdapterRow | undefined> {
  const [row] = await adapterQuery(db).where(isUuid(idOrName) ? eq(adapters.id, idOrName) : hasName(db, [idOrName]))
  return row
}

/**
 * Selects an adapter by its id, its name or an alias.
 * @param subject where the adapter is named, for the error
 * @throws GraftError `adapter_unknown`
 */
export async function selectAdapter(db: Database, idOrName: string, subject = 'adapter'): Promise<AdapterRow> {
  return (await findAdapter(db, idOrName)) ?? throwUnknownAdapter(db, idOrName, subject)
}

const MAX_LISTED_NAMES = 20

/** Returns the names of the newest adapters as a phrase, such as "one of film-lora, imdb". */
export async function describeAdapterNames(db: Database): Promise<string> {
  const rows = await db
    .select({ name: adapters.name })
    .from(adapters)
    .orderBy(desc(adapters.id))
    .limit(MAX_LISTED_NAMES + 1)
  const names = rows.slice(0, MAX_LISTED_NAMES).map(({ name }) => name)
  if (names.length === 0) return 'the name of an adapter (there are none yet)'
  return `${names.length > 1 ? 'one of ' : ''}${names.join(', ')}${rows.length > MAX_LISTED_NAMES ? ' and more' : ''}`
}

async function throwUnknownAdapter(db: Database, idOrName: string, subject: string): Promise<never> {
  return fail('adapter_unknown', {
    subject,
    expected: await describeAdapterNames(db),
    found: JSON.stringify(idOrName.slice(0, 200)),
    fix: 'Name an existing adapter. GET /v1/adapters and graft adapters list them.',
  })
}

/**
 * Selects several adapters for predictions, by their ids, names or aliases, in the order of the request, which may name
 * the same adapter twice.
 * @param subjectOf returns where in the request an adapter is named, for the error
 * @throws GraftError `adapter_unknown` for the first one that does not exist
 */
export async function selectAdapters(
  db: Database,
  idsOrNames: readonly string[],
  subjectOf: (i: number) => string,
): Promise<AdapterReference[]> {
  const ids = idsOrNames.filter(isUuid)
  const names = idsOrNames.filter((idOrName) => !isUuid(idOrName))
  const rows = await referenceQuery(db).where(or(inArray(adapters.id, ids), hasName(db, names)))
  const rowsByKey = new Map(rows.flatMap((row) => [row.id, row.name, ...row.aliases].map((key) => [key, row] as const)))
  const keyOf = (idOrName: string) => (isUuid(idOrName) ? idOrName.toLowerCase() : idOrName)
  const missing = idsOrNames.findIndex((idOrName) => !rowsByKey.has(keyOf(idOrName)))
  if (missing >= 0) await throwUnknownAdapter(db, idsOrNames[missing], subjectOf(missing))
  return idsOrNames.map((idOrName) => rowsByKey.get(keyOf(idOrName)) as AdapterReference)
}

/**
 * Selects an adapter and keeps it from being deleted until the transaction ends.
 * @param subject where the adapter is named, for the error
 * @throws GraftError `adapter_unknown`
 */
export async function lockAdapter(tx: Database, idOrName: string, subject: string): Promise<AdapterRow> {
  const row = await findAdapter(tx, idOrName)
  const locked =
    row && (await tx.select({ id: adapters.id }).from(adapters).where(eq(adapters.id, row.id)).for('key share'))
  return row && locked?.length ? row : throwUnknownAdapter(tx, idOrName, subject)
}

/** Selects the adapter if there is exactly one, and otherwise returns whether there are none or several. */
export async function selectOnlyAdapter(db: Database): Promise<AdapterReference | 'none' | 'several'> {
  const rows = await referenceQuery(db).limit(2)
  if (rows.length === 1) return rows[0]
  return rows.length === 0 ? 'none' : 'several'
}

export async function selectAdapterPage(
  db: Database,
  { base_id, ...request }: PageRequest & { base_id?: string } = {},
): Promise<Page<AdapterRow>> {
  const { isAfterCursor, order, limit, toPage } = pageQuery(adapters.id, request)
  const hasBase = base_id === undefined ? undefined : eq(adapters.base_id, base_id)
  return toPage(await adapterQuery(db).where(and(isAfterCursor, hasBase)).orderBy(order).limit(limit))
}

/**
 * Deletes an adapter and its evaluations. The rows of trainings are kept.
 * @returns the row that was deleted
 * @throws GraftError `adapter_unknown`; `in_use` if an alias points to it
 */
export async function deleteAdapter(db: Database, idOrName: string): Promise<AdapterRow> {
  return db.transaction(async (tx) => {
    const row = await selectAdapter(tx, idOrName)
    // An alias that is being moved to the adapter either waits for this lock or is found below.
    const locked = await tx.select({ id: adapters.id }).from(adapters).where(eq(adapters.id, row.id)).for('update')
    if (locked.length === 0) await throwUnknownAdapter(tx, idOrName, 'adapter')
    const [alias] = await tx.select({ name: aliases.name }).from(aliases).where(eq(aliases.adapter_id, row.id))
    if (alias)
      fail('in_use', {
        subject: `the adapter ${row.name}`,
        problem: `cannot be deleted while the alias ${alias.name} points to it`,
        fix: 'Move the alias to another adapter, or remove it.',
      })
    await tx.delete(adapters).where(eq(adapters.id, row.id))
    return row
  })
}

/** Returns whether anything still needs a deleted adapter: a row with the same content, a comparison or a training. */
export async function isAdapterNeeded(db: Database, { id, artifact }: AdapterRow): Promise<boolean> {
  const same = db.select({ id: adapters.id }).from(adapters).where(eq(adapters.artifact, artifact)).limit(1)
  const unfinished = db
    .select({ id: comparisons.id })
    .from(comparisons)
    .where(
      and(
        inArray(comparisons.status, unfinishedWorkStatuses),
        sql`${comparisons.adapters} @> ${JSON.stringify([{ id }])}::jsonb`,
      ),
    )
    .limit(1)
  const continued = db
    .select({ id: trainings.id })
    .from(trainings)
    .where(and(inArray(trainings.status, unfinishedTrainingStatuses), eq(trainings.from_artifact, artifact)))
    .limit(1)
  for (const query of [same, unfinished, continued]) if ((await query).length > 0) return true
  return false
}
