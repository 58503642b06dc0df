import { sql } from 'drizzle-orm'
import { check, index, text, uuid } from 'drizzle-orm/pg-core'
import type { PlainError } from '../../../core/errors.ts'
import type { Comparison } from '../../../training/comparison/comparison.ts'
import type { NamedWeights } from '../../schemas/adapters.ts'
import { workStatuses } from '../../schemas/statuses.ts'
import { createdAt, graft, id, json, oneOf, time } from './columns.ts'
import { datasets } from './datasets.ts'

export const comparisons = graft.table(
  'comparisons',
  {
    id: id(),
    /** In the order asked for, with their digests then: the comparison outlives them, so nothing refers to their rows. */
    adapters: json<readonly NamedWeights[]>().notNull(),
    dataset_id: uuid()
      .notNull()
      .references(() => datasets.id),
    status: text({ enum: workStatuses }).notNull().default('queued'),
    result: json<Comparison>(),
    error: json<PlainError>(),
    created_at: createdAt(),
    finished_at: time(),
  },
  (table) => [
    check('comparisons_status', oneOf(table.status, workStatuses)),
    check('comparisons_adapters', sql`jsonb_array_length(${table.adapters}) >= 2`),
    check('comparisons_result', sql`(${table.status} = 'succeeded') = (${table.result} is not null)`),
    check('comparisons_error', sql`(${table.status} = 'failed') = (${table.error} is not null)`),
    index('comparisons_dataset').on(table.dataset_id),
  ],
)
