import { and, asc, desc, eq, gt, inArray, lt, sql } from 'drizzle-orm'
import type { Database } from './database.ts'
import { type StoredEvent, trainingEvents } from './schema/training-events.ts'
import { trainings } from './schema/trainings.ts'

export type EventRow = typeof trainingEvents.$inferSelect

export interface NewEvent {
  event: StoredEvent
  /**
   * Identifies the event within its training. Only the first event with a key is stored, because a slice that continues
   * from a saved state repeats events. If it is not set, the event is always stored.
   */
  key?: string
}

/**
 * Appends events to a training. The transaction must hold a lock on its row, so that the numbers have no gaps and no
 * event becomes visible before one with a lower number.
 * @returns the inserted rows
 */
export async function insertEvents(
  tx: Database,
  training: { id: string; last_event: number },
  events: readonly NewEvent[],
): Promise<EventRow[]> {
  const keys = events.flatMap(({ key }) => (key === undefined ? [] : [key]))
  const known = new Set(keys.length === 0 ? [] : await selectKnownKeys(tx, training.id, keys))
  const fresh = events.filter(({ key }) => {
    if (key === undefined) return true
    if (known.has(key)) return false
    known.add(key)
    return true
  })
  if (fresh.length === 0) return []
  const values = fresh.map((event, i) => ({ ...event, training_id: training.id, number: training.last_event + i + 1 }))
  const last_event = training.last_event + fresh.length
  await tx.update(trainings).set({ last_event }).where(eq(trainings.id, training.id))
  return tx.insert(trainingEvents).values(values).returning()
}

async function selectKnownKeys(tx: Database, training: string, keys: string[]): Promise<string[]> {
  const rows = await tx
    .select({ key: trainingEvents.key })
    .from(trainingEvents)
    .where(and(eq(trainingEvents.training_id, training), inArray(trainingEvents.key, keys)))
  return rows.flatMap(({ key }) => key ?? [])
}

/**
 * Selects the events after a given one, the oldest first.
 * @param after the number of the last event that is known. Defaults to 0, which selects all.
 */
export function selectEvents(db: Database, training: string, after = 0, limit = 500): Promise<EventRow[]> {
  return db
    .select()
    .from(trainingEvents)
    .where(and(eq(trainingEvents.training_id, training), gt(trainingEvents.number, after)))
    .orderBy(asc(trainingEvents.number))
    .limit(limit)
}

/**
 * Selects the events before a given one, the newest first.
 * @param before the number of the oldest event that is known
 */
export function selectNewestEvents(db: Database, training: string, before: number, limit: number): Promise<EventRow[]> {
  return db
    .select()
    .from(trainingEvents)
    .where(and(eq(trainingEvents.training_id, training), lt(trainingEvents.number, before)))
    .orderBy(desc(trainingEvents.number))
    .limit(limit)
}

/** Selects the step of the last `step` event. Returns 0 if there is none. */
export async function selectLastStep(db: Database, training: string): Promise<number> {
  const [{ step }] = await db
    .select({ step: sql<number>`coalesce(max((${trainingEvents.event} ->> 'step')::int), 0)` })
    .from(trainingEvents)
    .where(and(eq(trainingEvents.training_id, training), sql`${trainingEvents.event} ->> 'type' = 'step'`))
  return Number(step)
}
