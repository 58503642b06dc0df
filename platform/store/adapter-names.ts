import { and, eq, inArray, ne, sql } from 'drizzle-orm'
import type { Database } from './database.ts'
import { adapters } from './schema/adapters.ts'
import { aliases } from './schema/aliases.ts'
import { trainings, unfinishedTrainingStatuses } from './schema/trainings.ts'
import { throwNameTaken } from './throw-errors.ts'

/**
 * Reserves a name for an adapter, or for the adapter of a training, until the transaction ends.
 * @param training the training that may have the name already
 * @throws GraftError `name_taken`
 */
export async function reserveAdapterName(tx: Database, name: string, training?: string): Promise<void> {
  await lockName(tx, name)
  await requireFreeAdapterName(tx, name, training)
}

/**
 * Checks that a name is free now, without reserving it.
 * @throws GraftError `name_taken`
 */
export async function requireFreeAdapterName(tx: Database, name: string, training?: string): Promise<void> {
  const [alias] = await tx.select({ id: aliases.id }).from(aliases).where(eq(aliases.name, name))
  if (alias || (await isTaken(tx, name, training))) throwNameTaken('adapter', name)
}

/** @throws GraftError `name_taken` if an adapter or an unfinished training has the name */
export async function requireFreeAliasName(tx: Database, name: string): Promise<void> {
  if (await isTaken(tx, name)) throwNameTaken('alias', name)
}

/**
 * Locks a name until the transaction ends. Adapters, trainings and aliases share their names, and no constraint can
 * span three tables.
 */
export const lockName = (tx: Database, name: string) =>
  tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`graft adapter ${name}`}, 0))`)

async function isTaken(tx: Database, name: string, training?: string): Promise<boolean> {
  const [adapter] = await tx.select({ id: adapters.id }).from(adapters).where(eq(adapters.name, name))
  const [otherTraining] = await tx
    .select({ id: trainings.id })
    .from(trainings)
    .where(
      and(
        eq(trainings.name, name),
        inArray(trainings.status, unfinishedTrainingStatuses),
        training === undefined ? undefined : ne(trainings.id, training),
      ),
    )
  return adapter !== undefined || otherTraining !== undefined
}
