import { and, asc, desc, eq, gt, inArray, lt, sql } from 'drizzle-orm'
import type { Database } from './database.ts'
import { type StoredEvent, trainingEvents } from './schema/training-events.ts'
import { trainings } from './schema/trainings.ts'

export type EventRow = typeof trainingEvents.$inferSelect

export interface NewEvent {
  event: StoredEvent
  /** Of events with one key, a training keeps the first: those that a slice tells again after going back to a saved state. */
  key?: string
}

/**
 * Appends events within a transaction that holds the training's row: so numbers have no gap, and none is seen before one that is lower.
 * @returns the rows that are new
 */
export async function recordEvents(
  tx: Database,
  training: { id: string; last_event: number },
  events: readonly NewEvent[],
): Promise<EventRow[]> {
  const keys = events.flatMap(({ key }) => (key === undefined ? [] : [key]))
  const known = new Set(keys.length === 0 ? [] : await knownKeys(tx, training.id, keys))
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

async function knownKeys(tx: Database, training: string, keys: string[]): Promise<string[]> {
  const rows = await tx
    .select({ key: trainingEvents.key })
    .from(trainingEvents)
    .where(and(eq(trainingEvents.training_id, training), inArray(trainingEvents.key, keys)))
  return rows.flatMap(({ key }) => key ?? [])
}

/** @param after the number of the last one that is known, 0 for all */
export function listEvents(db: Database, training: string, after = 0, limit = 500): Promise<EventRow[]> {
  return db
    .select()
    .from(trainingEvents)
    .where(and(eq(trainingEvents.training_id, training), gt(trainingEvents.number, after)))
    .orderBy(asc(trainingEvents.number))
    .limit(limit)
}

/** The newest first. @param before the number of the oldest one that is known */
export function listNewestEvents(db: Database, training: string, before: number, limit: number): Promise<EventRow[]> {
  return db
    .select()
    .from(trainingEvents)
    .where(and(eq(trainingEvents.training_id, training), lt(trainingEvents.number, before)))
    .orderBy(desc(trainingEvents.number))
    .limit(limit)
}

/** The step of the last event of a step, 0 where there is none. */
export async function lastStepTold(db: Database, training: string): Promise<number> {
  const [{ step }] = await db
    .select({ step: sql<number>`coalesce(max((${trainingEvents.event} ->> 'step')::int), 0)` })
    .from(trainingEvents)
    .where(and(eq(trainingEvents.training_id, training), sql`${trainingEvents.event} ->> 'type' = 'step'`))
  return Number(step)
}
