import { sql } from 'drizzle-orm'
import { check, integer, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core'
import type { PlainError } from '../../../core/errors.ts'
import type { TrainingEvent, TrainingResult } from '../../../training/events.ts'
import type { TrainingStatus } from '../../schemas/statuses.ts'
import { createdAt, graft, json } from './columns.ts'
import { trainings } from './trainings.ts'

/** What is kept of a training's course: what it told, without the paths of the machine that it ran on, and each change of its status. */
export type StoredEvent =
  | Extract<TrainingEvent, { type: 'stage' | 'plan' | 'step' | 'point' }>
  | { type: 'saved'; step: number }
  | { type: 'done'; result: Omit<TrainingResult, 'checkpoint'> }
  | { type: 'status'; status: TrainingStatus; error?: PlainError }

export const trainingEvents = graft.table(
  'training_events',
  {
    training_id: uuid()
      .notNull()
      .references(() => trainings.id, { onDelete: 'cascade' }),
    /** 1, 2, 3, … in each training, without gap: what a client has seen is one number. */
    number: integer().notNull(),
    /** Names what happened, such as `step:120`: a slice that goes on from an earlier state tells it again, and it is kept once. */
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
