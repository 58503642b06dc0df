import { sql } from 'drizzle-orm'
import { check, integer, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core'
import type { PlainError } from '../../../core/errors.ts'
import type { TrainingEvent, TrainingResult } from '../../../training/events.ts'
import type { TrainingStatus } from '../../schemas/statuses.ts'
import { createdAt, graft, json } from './columns.ts'
import { trainings } from './trainings.ts'

/**
 * An event in the history of a training: its progress, without the paths of the machine that ran it, or a change of its
 * status.
 */
export type StoredEvent =
  | Extract<TrainingEvent, { type: 'stage' | 'plan' | 'step' | 'evaluation' }>
  | { type: 'saved'; step: number }
  | { type: 'done'; result: Omit<TrainingResult, 'checkpoint'> }
  | { type: 'status'; status: TrainingStatus; error?: PlainError }

export const trainingEvents = graft.table(
  'training_events',
  {
    training_id: uuid()
      .notNull()
      .references(() => trainings.id, { onDelete: 'cascade' }),
    /**
     * The number of the event: 1, 2, 3, … in each training, without gaps. So one number says which events a client has.
     */
    number: integer().notNull(),
    /**
     * Identifies the event, such as `step:120`. A slice that continues from an earlier state repeats events; each is
     * stored once.
     */
    key: text(),
    event: json<StoredEvent>().notNull(),
    created_at: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.training_id, table.number] }),
    unique('training_events_key').on(table.training_id, table.key),
    check('training_events_number', sql`${table.number} > 0`),
  ],
)
