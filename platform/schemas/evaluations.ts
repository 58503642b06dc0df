import { z } from 'zod'
import { digest, only, pageOf, pageRequest, problem, reference, timestamp, uuid } from './common.ts'
import { workStatuses } from './statuses.ts'

export const evaluationRequest = only({
  adapter: reference('an adapter'),
  dataset: reference('a data set').describe('reviews with labels that the adapter knows'),
})
export type EvaluationRequest = z.infer<typeof evaluationRequest>

export const evaluation = z.strictObject({
  id: uuid,
  status: z.enum(workStatuses),
  adapter: uuid,
  digest: digest.describe('SHA-256 of the weights that are measured'),
  dataset: uuid,
  metrics: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('accuracy with its 95 % interval, f1, ece, n, and more'),
  error: problem.optional(),
  created_at: timestamp,
  finished_at: timestamp.optional(),
})
export type Evaluation = z.infer<typeof evaluation>

export const evaluationList = pageOf(evaluation)
export type EvaluationList = z.infer<typeof evaluationList>

export const evaluationQuery = pageRequest.extend({ adapter: reference('an adapter').optional() })
export type EvaluationQuery = z.infer<typeof evaluationQuery>
