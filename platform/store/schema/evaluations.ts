import { sql } from 'drizzle-orm'
import { check, index, text, uuid } from 'drizzle-orm/pg-core'
import type { PlainError } from '../../../core/errors.ts'
import type { Metrics } from '../../../training/metrics.ts'
import { shortWorkStatuses } from '../../schemas/statuses.ts'
import { adapters } from './adapters.ts'
import { createdAt, graft, id, json, oneOf, owner, sha256, sha256Check, time } from './columns.ts'
import { datasets } from './datasets.ts'

export const evaluations = graft.table(
  'evaluations',
  {
    id: id(),
    owner: owner(),
    adapter_id: uuid()
      .notNull()
      .references(() => adapters.id, { onDelete: 'cascade' }),
    /** SHA-256 of the weights that are evaluated. */
    digest: sha256().notNull(),
    dataset_id: uuid()
      .notNull()
      .references(() => datasets.id),
    status: text({ enum: shortWorkStatuses }).notNull().default('queued'),
    metrics: json<Metrics>(),
    error: json<PlainError>(),
    created_at: createdAt(),
    finished_at: time(),
  },
  (table) => [
    sha256Check('evaluations_digest', table.digest),
    check('evaluations_status', oneOf(table.status, shortWorkStatuses)),
    check('evaluations_metrics', sql`(${table.status} = 'succeeded') = (${table.metrics} is not null)`),
    check('evaluations_error', sql`(${table.status} = 'failed') = (${table.error} is not null)`),
    index('evaluations_by_adapter').on(table.adapter_id, table.id),
    index('evaluations_by_dataset').on(table.dataset_id),
  ],
)
