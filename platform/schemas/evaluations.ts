import { z } from 'zod'
import { digest, exactObject, idOrName, pageOf, pageRequest, problem, timestamp, uuid } from './common.ts'
import { shortWorkStatuses } from './statuses.ts'

export const evaluationRequest = exactObject({
  adapter: idOrName('an adapter'),
  dataset: idOrName('a data set').describe('Labeled reviews. The adapter must know all of their labels.'),
})
export type EvaluationRequest = z.infer<typeof evaluationRequest>

export const evaluation = z.strictObject({
  id: uuid,
  status: z.enum(shortWorkStatuses),
  adapter: uuid,
  digest: digest.describe('SHA-256 of the evaluated weights.'),
  dataset: uuid,
  metrics: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      'The accuracy with its 95 % interval, f1, ece, log_loss, n, and more. uncalibrated has ece and log_loss without the temperature of the adapter.',
    ),
  error: problem.optional(),
  created_at: timestamp,
  finished_at: timestamp.optional(),
})
export type Evaluation = z.infer<typeof evaluation>

export const evaluationList = pageOf(evaluation)
export type EvaluationList = z.infer<typeof evaluationList>

export const evaluationQuery = pageRequest.extend({ adapter: idOrName('an adapter').optional() })
export type EvaluationQuery = z.infer<typeof evaluationQuery>
