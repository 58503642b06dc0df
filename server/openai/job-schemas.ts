import { z } from 'zod'
import { newName, only, reference } from '../../platform/schemas/common.ts'
import { trainingStatuses } from '../../platform/schemas/statuses.ts'
import { trainingRequest } from '../../platform/schemas/trainings.ts'
import { none } from './none.ts'

const auto = <T extends z.ZodType>(value: T, what: string) => z.union([z.literal('auto'), value], { error: what })

const hyperparameters = only({
  n_epochs: auto(z.number().positive(), 'auto or a number above 0').optional(),
  batch_size: auto(z.int().positive(), 'auto or a whole number above 0').optional().describe('reviews of a step'),
  learning_rate_multiplier: auto(z.number().positive(), 'auto or a number above 0')
    .optional()
    .describe("times the method's own learning rate"),
})
export type Hyperparameters = z.infer<typeof hyperparameters>

const { metadata, ...settings } = trainingRequest.partial().omit({
  name: true,
  base: true,
  dataset: true,
  test_dataset: true,
  epochs: true,
  batch_size: true,
  learning_rate: true,
  seed: true,
}).shape

/** OpenAI's request for a fine-tuning job, with Graft's own settings in `graft`. */
export const jobRequest = only({
  model: reference('a base').describe('the base to train on; GET /v1/models lists them'),
  training_file: reference('a file').describe('id of a file, or the name of a data set'),
  validation_file: reference('a file').nullish().describe('to measure on when the training is done'),
  method: only({
    type: z.literal('supervised', 'supervised: a classifier learns from labels'),
    supervised: only({ hyperparameters: hyperparameters.optional() }).optional(),
  }).optional(),
  hyperparameters: hyperparameters.optional().describe('as in method, which is preferred'),
  suffix: newName.max(64, 'at most 64 characters').nullish().describe('what the name of the model begins with'),
  seed: z.int('a whole number from 0').min(0, 'a whole number from 0').nullish(),
  metadata: metadata.nullable(),
  integrations: none('none: Graft tells nobody of a training'),
  graft: z
    .strictObject(settings, {
      error: ({ code }) =>
        code === 'unrecognized_keys'
          ? "a setting of a training or of its method that OpenAI's fields do not tell"
          : 'an object of settings',
    })
    .optional()
    .describe('method, rank and whatever else POST /v1/trainings takes'),
})
export type JobRequest = z.infer<typeof jobRequest>

const told = z.strictObject({
  n_epochs: z.union([z.literal('auto'), z.number()]),
  batch_size: z.union([z.literal('auto'), z.int()]),
  learning_rate_multiplier: z.number(),
})

export const job = z.strictObject({
  id: z.string(),
  object: z.literal('fine_tuning.job'),
  model: z.string().describe('id of the base'),
  status: z.enum(trainingStatuses),
  fine_tuned_model: z.string().nullable().describe('what to ask for its answers; null until it has succeeded'),
  training_file: z.string(),
  validation_file: z.string().nullable(),
  hyperparameters: told,
  method: z.strictObject({ type: z.literal('supervised'), supervised: z.strictObject({ hyperparameters: told }) }),
  seed: z.int(),
  trained_tokens: z.int().nullable(),
  result_files: z.array(z.string()).describe('none: events and checkpoints tell the metrics'),
  error: z.strictObject({ code: z.string(), message: z.string(), param: z.string().nullable() }).nullable(),
  metadata: z.record(z.string(), z.string()).nullable(),
  integrations: z.array(z.unknown()),
  organization_id: z.string(),
  created_at: z.int().describe('seconds since 1970'),
  estimated_finish: z.int().nullable(),
  finished_at: z.int().nullable(),
})
export type Job = z.infer<typeof job>

export const jobEvent = z.strictObject({
  id: z.string(),
  object: z.literal('fine_tuning.job.event'),
  created_at: z.int(),
  level: z.enum(['info', 'warn', 'error']),
  type: z.enum(['message', 'metrics']),
  message: z.string(),
  data: z.looseObject({ type: z.string() }).describe('the event as GET /v1/trainings/{id}/events tells it'),
})
export type JobEvent = z.infer<typeof jobEvent>

export const checkpoint = z.strictObject({
  id: z.string(),
  object: z.literal('fine_tuning.job.checkpoint'),
  created_at: z.int(),
  fine_tuning_job_id: z.string(),
  fine_tuned_model_checkpoint: z.string(),
  step_number: z.int(),
  metrics: z.strictObject({
    step: z.int(),
    train_loss: z.number(),
    full_valid_mean_token_accuracy: z.number().optional().describe('accuracy: an answer is one token'),
  }),
})
export type JobCheckpoint = z.infer<typeof checkpoint>
