import { and, desc, eq, inArray, sql } from 'drizzle-orm'
import { isUuid } from '../../core/uuid.ts'
import type { TrainingStatus } from '../schemas/statuses.ts'
import { takeAdapterName } from './adapter-names.ts'
import type { Database } from './database.ts'
import { type Page, type PageRequest, pageOf } from './page.ts'
import { unknown } from './refusals.ts'
import { trainings } from './schema/trainings.ts'
import { recordEvents } from './training-events.ts'

export type TrainingRow = typeof trainings.$inferSelect
/** What decides a training; all else comes of its course. */
export type NewTraining = Pick<
  typeof trainings.$inferInsert,
  'id' | 'name' | 'base_id' | 'dataset_id' | 'test_dataset_id' | 'from_adapter_id' | 'spec' | 'metadata' | 'plan'
>

/**
 * A queued training, and the event of that. Its name is kept for its adapter.
 * @throws GraftError `name_taken` by an adapter or by another unfinished training
 */
export async function createTraining(db: Database, training: NewTraining): Promise<TrainingRow> {
  return db.transaction(async (tx) => {
    if (training.name) await takeAdapterName(tx, training.name)
    const [row] = await tx.insert(trainings).values(training).returning()
    await recordEvents(tx, row, [{ event: { type: 'status', status: 'queued' } }])
    return getTraining(tx, row.id)
  })
}

/** @throws GraftError `training_unknown` */
export async function getTraining(db: Database, id: string): Promise<TrainingRow> {
  const [row] = isUuid(id) ? await db.select().from(trainings).where(eq(trainings.id, id)) : []
  return row ?? unknown('training', id)
}

/**
 * The training of an id, or the newest of those that bear a name.
 * @throws GraftError `training_unknown`
 */
export async function findTraining(db: Database, idOrName: string): Promise<TrainingRow> {
  if (isUuid(idOrName)) return getTraining(db, idOrName)
  const named = db.select().from(trainings).where(eq(trainings.name, idOrName))
  const [row] = await named.orderBy(desc(trainings.id)).limit(1)
  return row ?? unknown('training', idOrName)
}

/**
 * The training, which no other transaction changes until this one ends.
 * @throws GraftError `training_unknown`
 */
export async function lockTraining(tx: Database, id: string): Promise<TrainingRow> {
  const [row] = isUuid(id) ? await tx.select().from(trainings).where(eq(trainings.id, id)).for('update') : []
  return row ?? unknown('training', id)
}

export async function listTrainings(
  db: Database,
  { status, ...request }: PageRequest & { status?: readonly TrainingStatus[] } = {},
): Promise<Page<TrainingRow>> {
  const { before, order, take, page } = pageOf(trainings.id, request)
  const ofStatus = status && inArray(trainings.status, [...status])
  return page(await db.select().from(trainings).where(and(before, ofStatus)).orderBy(order).limit(take))
}

/** Those whose worker has told nothing for so many seconds. */
export function listSilent(db: Database, seconds: number): Promise<TrainingRow[]> {
  return db
    .select()
    .from(trainings)
    .where(
      and(
        eq(trainings.status, 'running'),
        sql`${trainings.heartbeat_at} < now() - make_interval(secs => ${seconds}::double precision)`,
      ),
    )
}

/** The ids of those that wait for a worker. */
export async function listQueued(db: Database): Promise<string[]> {
  const rows = await db.select({ id: trainings.id }).from(trainings).where(eq(trainings.status, 'queued'))
  return rows.map(({ id }) => id)
}
