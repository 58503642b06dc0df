import { sql } from 'drizzle-orm'
import { check, index, integer, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import type { PlainError } from '../../../core/errors.ts'
import type { Estimate, Plan, TrainingResult } from '../../../training/events.ts'
import type { TrainingSpec } from '../../../training/spec.ts'
import { type TrainingProgress, trainingStatuses } from '../../schemas/statuses.ts'
import { adapters } from './adapters.ts'
import { bases } from './bases.ts'
import { createdAt, graft, id, json, nameCheck, oneOf, owner, sha256, sha256Check, time } from './columns.ts'
import { datasets } from './datasets.ts'

/** A training's settings without paths, which differ between machines. Other columns refer to the files. */
export type StoredSpec = Omit<TrainingSpec, 'base' | 'data' | 'test' | 'from_adapter' | 'out'>

export const unfinishedTrainingStatuses = [
  'queued',
  'running',
  'paused',
] as const satisfies readonly (typeof trainingStatuses)[number][]

export const trainings = graft.table(
  'trainings',
  {
    id: id(),
    owner: owner(),
    /** The name of the resulting adapter. */
    name: text(),
    base_id: uuid()
      .notNull()
      .references(() => bases.id),
    dataset_id: uuid()
      .notNull()
      .references(() => datasets.id),
    test_dataset_id: uuid().references(() => datasets.id),
    /** The adapter that the training continues from. Null after the adapter is deleted. */
    from_adapter_id: uuid().references(() => adapters.id, { onDelete: 'set null' }),
    /** The artifact of that adapter, which stays until the training has finished. */
    from_artifact: sha256(),
    /** The resulting adapter. Null until the training succeeds, and again after the adapter is deleted. */
    adapter_id: uuid().references(() => adapters.id, { onDelete: 'set null' }),
    spec: json<StoredSpec>().notNull(),
    /** Notes of the client, which do not affect the training. */
    metadata: json<Readonly<Record<string, string>>>(),
    status: text({ enum: trainingStatuses }).notNull().default('queued'),
    /** A request to the worker that runs the training. `pause` means: save the state and stop. */
    requested_action: text({ enum: ['pause'] }),
    plan: json<Plan & Partial<Estimate>>(),
    progress: json<TrainingProgress>(),
    result: json<Omit<TrainingResult, 'checkpoint'>>(),
    error: json<PlainError>(),
    /** The artifact of the saved state that the next slice continues from. */
    state: sha256(),
    /** Incremented whenever the training changes hands. A worker with an older token can no longer write. */
    fencing_token: integer().notNull().default(0),
    /** The number of slices that were started. */
    slices: integer().notNull().default(0),
    /** The number of attempts in a row that failed without saving a state. */
    failed_attempts: integer().notNull().default(0),
    worker: text(),
    heartbeat_at: time(),
    /** The number of the newest event. */
    last_event: integer().notNull().default(0),
    created_at: createdAt(),
    started_at: time(),
    finished_at: time(),
  },
  (table) => [
    nameCheck('trainings', table.name),
    check('trainings_status', oneOf(table.status, trainingStatuses)),
    check(
      'trainings_requested_action',
      sql`${table.requested_action} is null or (${table.requested_action} = 'pause' and ${table.status} = 'running')`,
    ),
    check('trainings_worker', sql`(${table.status} = 'running') = (${table.worker} is not null)`),
    check(
      'trainings_finished',
      sql`(${oneOf(table.status, unfinishedTrainingStatuses)}) = (${table.finished_at} is null)`,
    ),
    check('trainings_error', sql`(${table.status} = 'failed') = (${table.error} is not null)`),
    sha256Check('trainings_state', table.state),
    sha256Check('trainings_from_artifact', table.from_artifact),
    index('trainings_by_status').on(table.status, table.id),
    index('trainings_by_dataset').on(table.dataset_id),
    index('trainings_by_start').on(table.from_adapter_id),
    uniqueIndex('trainings_by_adapter').on(table.adapter_id),
    // Reserves the name of the adapter from the start: after hours of training it must not be taken.
    uniqueIndex('trainings_unfinished_name').on(table.name).where(oneOf(table.status, unfinishedTrainingStatuses)),
  ],
)
