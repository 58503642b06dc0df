import { z } from 'zod'
import { uuid } from './common.ts'
import { shortWorkStatuses, trainingStatus } from './statuses.ts'

/** The result of a worker that runs once: how its work ended, and how much waits now. */
export const workResult = z.strictObject({
  worked: z.boolean().describe('False if there was nothing to do.'),
  training_id: uuid.optional(),
  evaluation_id: uuid.optional(),
  comparison_id: uuid.optional(),
  slice: z.int().optional().describe('The number of the slice of the training.'),
  status: trainingStatus
    .or(z.enum(shortWorkStatuses))
    .optional()
    .describe('The status afterwards. A training that is `queued` needs another slice.'),
  step: z.int().optional(),
  total_steps: z.int().optional(),
  waiting: z.int().describe('Trainings, evaluations and comparisons that wait for a worker.'),
})
export type WorkResult = z.infer<typeof workResult>
