import { and, eq, inArray, ne, sql } from 'drizzle-orm'
import type { Database } from './database.ts'
import { nameTaken } from './refusals.ts'
import { adapters } from './schema/adapters.ts'
import { aliases } from './schema/aliases.ts'
import { trainings, unfinished } from './schema/trainings.ts'

/**
 * Takes a name for an adapter, or for a training that will make one, until the transaction ends: no other takes it meanwhile.
 * @param training the one that may have it already
 * @throws GraftError `name_taken`
 */
export async function takeAdapterName(tx: Database, name: string, training?: string): Promise<void> {
  await holdName(tx, name)
  await requireFreeAdapterName(tx, name, training)
}

/**
 * As {@link takeAdapterName}, for the moment alone.
 * @throws GraftError `name_taken`
 */
export async function requireFreeAdapterName(tx: Database, name: string, training?: string): Promise<void> {
  const [alias] = await tx.select({ id: aliases.id }).from(aliases).where(eq(aliases.name, name))
  if (alias || (await isBorne(tx, name, training))) nameTaken('adapter', name)
}

/** @throws GraftError `name_taken` by an adapter or an unfinished training */
export async function requireFreeAliasName(tx: Database, name: string): Promise<void> {
  if (await isBorne(tx, name)) nameTaken('alias', name)
}

/** What bears the name is changed by nobody else until the transaction ends. Three tables share the names, which no constraint can say. */
export const holdName = (tx: Database, name: string) =>
  tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`graft adapter ${name}`}, 0))`)

async function isBorne(tx: Database, name: string, training?: string): Promise<boolean> {
  const [adapter] = await tx.select({ id: adapters.id }).from(adapters).where(eq(adapters.name, name))
  const [other] = await tx
    .select({ id: trainings.id })
    .from(trainings)
    .where(
      and(
        eq(trainings.name, name),
        inArray(trainings.status, unfinished),
        training === undefined ? undefined : ne(trainings.id, training),
      ),
    )
  return adapter !== undefined || other !== undefined
}
