import { sql } from 'drizzle-orm'
import { check, index, text, uuid } from 'drizzle-orm/pg-core'
import type { PlainError } from '../../../core/errors.ts'
import type { Comparison } from '../../../training/comparison/comparison.ts'
import type { AdapterSnapshot } from '../../schemas/adapters.ts'
import type { ComparedPipeline } from '../../schemas/pipelines.ts'
import { shortWorkStatuses } from '../../schemas/statuses.ts'
import { createdAt, graft, id, json, oneOf, owner, time } from './columns.ts'
import { datasets } from './datasets.ts'

export const comparisons = graft.table(
  'comparisons',
  {
    id: id(),
    owner: owner(),
    /**
     * The adapters as they were when the comparison was requested, in the order of the request. The comparison outlives
     * them, so it does not reference their rows.
     */
    adapters: json<readonly AdapterSnapshot[]>().notNull(),
    /** The pipelines that they are compared with, in the order of the request. */
    pipelines: json<readonly ComparedPipeline[]>().notNull().default([]),
    dataset_id: uuid()
      .notNull()
      .references(() => datasets.id),
    status: text({ enum: shortWorkStatuses }).notNull().default('queued'),
    result: json<Comparison>(),
    error: json<PlainError>(),
    created_at: createdAt(),
    finished_at: time(),
  },
  (table) => [
    check('comparisons_status', oneOf(table.status, shortWorkStatuses)),
    check('comparisons_adapters', sql`jsonb_array_length(${table.adapters}) >= 1`),
    check(
      'comparisons_competitors',
      sql`jsonb_array_length(${table.adapters}) + jsonb_array_length(${table.pipelines}) >= 2`,
    ),
    check('comparisons_result', sql`(${table.status} = 'succeeded') = (${table.result} is not null)`),
    check('comparisons_error', sql`(${table.status} = 'failed') = (${table.error} is not null)`),
    index('comparisons_by_dataset').on(table.dataset_id),
  ],
)
