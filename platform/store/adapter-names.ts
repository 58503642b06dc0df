import { and, eq, inArray, ne, sql } from 'drizzle-orm'
import type { Database } from './database.ts'
import { nameTaken } from './refusals.ts'
import { adapters } from './schema/adapters.ts'
import { trainings, unfinished } from './schema/trainings.ts'

/**
 * Takes a name for an adapter, or for a training that will make one, until the transaction ends: no other takes it meanwhile.
 * @param training the one that may have it already
 * @throws GraftError `name_taken`
 */
export async function takeAdapterName(tx: Database, name: string, training?: string): Promise<void> {
  // Two tables share the names, which no constraint can say.
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`graft adapter ${name}`}, 0))`)
  await requireFreeAdapterName(tx, name, training)
}

/**
 * As {@link takeAdapterName}, for the moment alone.
 * @throws GraftError `name_taken`
 */
export async function requireFreeAdapterName(tx: Database, name: string, training?: string): Promise<void> {
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
  if (adapter || other) nameTaken('adapter', name)
}
