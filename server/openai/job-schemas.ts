import { z } from 'zod'
import { exactObject, idOrName, resourceName } from '../../platform/schemas/common.ts'
import { trainingStatuses } from '../../platform/schemas/statuses.ts'
import { trainingRequest } from '../../platform/schemas/trainings.ts'

const autoOr = <T extends z.ZodType>(value: T, expected: string) =>
  z.union([z.literal('auto'), value], { error: expected }).nullish()

const hyperparameters = exactObject({
  n_epochs: autoOr(z.number().positive(), 'auto or a number above 0'),
  batch_size: autoOr(z.int().positive(), 'auto or a whole number above 0').describe('Reviews per step.'),
  learning_rate_multiplier: autoOr(z.number().positive(), 'auto or a number above 0').describe(
    "Factor by which the method's default learning rate is multiplied.",
  ),
})
/** The settings of a method that is not used. A client may send the fields of all methods. */
const unusedMethod = z.unknown().optional().describe('Has no effect, because the type is supervised.')

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

const NO_INTEGRATIONS = 'none, because Graft does not report trainings to other services'

/** A request for a fine-tuning job in OpenAI's format, with Graft's own settings in `graft`. */
export const jobRequest = exactObject({
  model: idOrName('a base').describe('The base to train on. GET /v1/models lists all bases.'),
  training_file: idOrName('a file').describe('Id of a file, or name of a data set.'),
  validation_file: idOrName('a file')
    .nullish()
    .describe('Id of a file, or name of a data set, to evaluate on after the training.'),
  method: exactObject({
    type: z.literal('supervised', 'supervised, because a classifier learns from labels').optional(),
    supervised: exactObject({ hyperparameters: hyperparameters.nullish() }).nullish(),
    dpo: unusedMethod,
    reinforcement: unusedMethod,
  }).nullish(),
  hyperparameters: hyperparameters.nullish().describe('Used only if method does not set them.'),
  suffix: resourceName.max(64, 'at most 64 characters').nullish().describe('Start of the name of the model.'),
  seed: z.int('a whole number of at least 0').min(0, 'a whole number of at least 0').nullish(),
  metadata: metadata.nullable(),
  integrations: z.array(z.unknown(), NO_INTEGRATIONS).max(0, NO_INTEGRATIONS).nullish(),
  graft: z
    .strictObject(settings, {
      error: ({ code }) =>
        code === 'unrecognized_keys'
          ? "a setting of a training or its method that OpenAI's fields do not cover"
          : 'an object of settings',
    })
    .nullish()
    .describe('The method, its rank, and all other settings of POST /v1/trainings.'),
})
export type JobRequest = z.infer<typeof jobRequest>

const jobHyperparameters = z.strictObject({
  n_epochs: z.union([z.literal('auto'), z.number()]),
  batch_size: z.union([z.literal('auto'), z.int()]),
  learning_rate_multiplier: z.number(),
})

export const job = z.strictObject({
  id: z.string(),
  object: z.literal('fine_tuning.job'),
  model: z.string().describe('Name of the base.'),
  status: z.enum(trainingStatuses),
  fine_tuned_model: z.string().nullable().describe('Model to use in requests; null until the job has succeeded.'),
  training_file: z.string(),
  validation_file: z.string().nullable(),
  hyperparameters: jobHyperparameters,
  method: z.strictObject({
    type: z.literal('supervised'),
    supervised: z.strictObject({ hyperparameters: jobHyperparameters }),
  }),
  seed: z.int(),
  trained_tokens: z.int().nullable(),
  result_files: z.array(z.string()).describe('Always empty. Events and checkpoints have the metrics.'),
  error: z.strictObject({ code: z.string(), message: z.string(), param: z.string().nullable() }).nullable(),
  metadata: z.record(z.string(), z.string()).nullable(),
  integrations: z.array(z.unknown()),
  organization_id: z.string(),
  created_at: z.int().describe('Unix time in seconds.'),
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
  data: z.looseObject({ type: z.string() }).describe('The event as GET /v1/trainings/{id}/events returns it.'),
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
    full_valid_mean_token_accuracy: z.number().optional().describe('The accuracy, because each answer is one token.'),
  }),
})
export type JobCheckpoint = z.infer<typeof checkpoint>
