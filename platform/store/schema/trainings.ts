import { sql } from 'drizzle-orm'
import { check, index, integer, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import type { PlainError } from '../../../core/errors.ts'
import type { Estimate, Plan, TrainingResult } from '../../../training/events.ts'
import type { TrainingSpec } from '../../../training/spec.ts'
import { type TrainingProgress, trainingStatuses } from '../../schemas/statuses.ts'
import { adapters } from './adapters.ts'
import { bases } from './bases.ts'
import { createdAt, graft, id, json, nameCheck, oneOf, sha256, sha256Check, time } from './columns.ts'
import { datasets } from './datasets.ts'

/** Paths are each machine's own: base and data are named by the columns beside it. */
export type StoredSpec = Omit<TrainingSpec, 'base' | 'data' | 'test' | 'out'>

export const unfinished = [
  'queued',
  'running',
  'paused',
] as const satisfies readonly (typeof trainingStatuses)[number][]

export const trainings = graft.table(
  'trainings',
  {
    id: id(),
    /** The name that the adapter will bear. */
    name: text(),
    base_id: uuid()
      .notNull()
      .references(() => bases.id),
    dataset_id: uuid()
      .notNull()
      .references(() => datasets.id),
    test_dataset_id: uuid().references(() => datasets.id),
    from_adapter_id: uuid().references(() => adapters.id, { onDelete: 'set null' }),
    /** What it made; null until then, and again when that is deleted. */
    adapter_id: uuid().references(() => adapters.id, { onDelete: 'set null' }),
    spec: json<StoredSpec>().notNull(),
    /** The caller's own notes. */
    metadata: json<Readonly<Record<string, string>>>(),
    status: text({ enum: trainingStatuses }).notNull().default('queued'),
    /** Asked of the worker that has it: to save its state and stop. */
    requested_action: text({ enum: ['pause'] }),
    plan: json<Plan & Partial<Estimate>>(),
    progress: json<TrainingProgress>(),
    result: json<Omit<TrainingResult, 'checkpoint'>>(),
    error: json<PlainError>(),
    /** The saved state from which the next slice goes on. */
    state: sha256(),
    /** Raised whenever the training changes hands. A worker that holds an older number may no longer write. */
    fencing_token: integer().notNull().default(0),
    /** Slices begun. */
    slices: integer().notNull().default(0),
    /** Workers lost one after the other, since one last gave it back or saved a state. */
    failed_attempts: integer().notNull().default(0),
    worker: text(),
    heartbeat_at: time(),
    /** The number of its newest event. */
    last_event: integer().notNull().default(0),
    created_at: createdAt(),
    started_at: time(),
    finished_at: time(),
  },
  (table) => [
    nameCheck('trainings', table.name),
    check('trainings_status', oneOf(table.status, trainingStatuses)),
    check(
      'trainings_wish',
      sql`${table.requested_action} is null or (${table.requested_action} = 'pause' and ${table.status} = 'running')`,
    ),
    check('trainings_worker', sql`(${table.status} = 'running') = (${table.worker} is not null)`),
    check('trainings_finished', sql`(${oneOf(table.status, unfinished)}) = (${table.finished_at} is null)`),
    check('trainings_error', sql`(${table.status} = 'failed') = (${table.error} is not null)`),
    sha256Check('trainings_state', table.state),
    index('trainings_by_status').on(table.status, table.id),
    index('trainings_dataset').on(table.dataset_id),
    index('trainings_from_adapter').on(table.from_adapter_id),
    uniqueIndex('trainings_adapter').on(table.adapter_id),
    // A name is kept for the adapter from the start: after hours of training it must not be taken.
    uniqueIndex('trainings_unfinished_name').on(table.name).where(oneOf(table.status, unfinished)),
  ],
)
