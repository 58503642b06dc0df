import { and, desc, eq, inArray, isNull, sql } from 'drizzle-orm'
import { isUuid } from '../../core/uuid.ts'
import type { PageRequest } from '../schemas/common.ts'
import type { TrainingStatus } from '../schemas/statuses.ts'
import { reserveAdapterName } from './adapter-names.ts'
import type { Database } from './database.ts'
import { type Page, pageQuery } from './page.ts'
import { trainings } from './schema/trainings.ts'
import { throwUnknown } from './throw-errors.ts'
import { insertEvents } from './training-events.ts'

export type TrainingRow = typeof trainings.$inferSelect
/** The columns that a request determines. The others record the progress. */
export type NewTraining = Pick<
  typeof trainings.$inferInsert,
  | 'id'
  | 'owner'
  | 'name'
  | 'base_id'
  | 'dataset_id'
  | 'test_dataset_id'
  | 'from_adapter_id'
  | 'from_artifact'
  | 'spec'
  | 'metadata'
  | 'plan'
>

/**
 * Inserts a queued training and its first event, and reserves its name for the adapter.
 * @throws GraftError `name_taken` if an adapter, an alias or another unfinished training has the name
 */
export async function insertTraining(db: Database, training: NewTraining): Promise<TrainingRow> {
  return db.transaction(async (tx) => {
    if (training.name) await reserveAdapterName(tx, training.name)
    const [row] = await tx.insert(trainings).values(training).returning()
    await insertEvents(tx, row, [{ event: { type: 'status', status: 'queued' } }])
    return selectTrainingById(tx, row.id)
  })
}

/** @throws GraftError `training_unknown` */
export async function selectTrainingById(db: Database, id: string): Promise<TrainingRow> {
  const [row] = isUuid(id) ? await db.select().from(trainings).where(eq(trainings.id, id)) : []
  return row ?? throwUnknown('training', id)
}

/**
 * Selects a training by its id, or the newest one with a name.
 * @throws GraftError `training_unknown`
 */
export async function selectTraining(db: Database, idOrName: string): Promise<TrainingRow> {
  if (isUuid(idOrName)) return selectTrainingById(db, idOrName)
  const named = db.select().from(trainings).where(eq(trainings.name, idOrName))
  const [row] = await named.orderBy(desc(trainings.id)).limit(1)
  return row ?? throwUnknown('training', idOrName)
}

/**
 * Selects a training and locks its row until the transaction ends.
 * @throws GraftError `training_unknown`
 */
export async function lockTraining(tx: Database, id: string): Promise<TrainingRow> {
  const [row] = isUuid(id) ? await tx.select().from(trainings).where(eq(trainings.id, id)).for('update') : []
  return row ?? throwUnknown('training', id)
}

interface TrainingFilter {
  status?: readonly TrainingStatus[]
  /** Pairs that the metadata must contain; null for trainings without metadata. */
  metadata?: Readonly<Record<string, string>> | null
}

export async function selectTrainingPage(
  db: Database,
  { status, metadata, ...request }: PageRequest & TrainingFilter = {},
): Promise<Page<TrainingRow>> {
  const { isAfterCursor, order, limit, toPage } = pageQuery(trainings.id, request)
  const hasStatus = status && inArray(trainings.status, [...status])
  const hasMetadata =
    metadata === null
      ? isNull(trainings.metadata)
      : metadata && sql`${trainings.metadata} @> ${sql.param(metadata, trainings.metadata)}`
  const isSelected = and(isAfterCursor, hasStatus, hasMetadata)
  return toPage(await db.select().from(trainings).where(isSelected).orderBy(order).limit(limit))
}

/** Selects the running trainings whose worker has not written a heartbeat for a number of seconds. */
export function selectStalled(db: Database, seconds: number): Promise<TrainingRow[]> {
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

/** Selects the ids of the trainings that wait for a worker. */
export async function selectQueuedIds(db: Database): Promise<string[]> {
  const rows = await db.select({ id: trainings.id }).from(trainings).where(eq(trainings.status, 'queued'))
  return rows.map(({ id }) => id)
}
