import { z } from 'zod'
import { methods, shapeOf } from '../../model/methods/registry.ts'
import { trainingFields } from '../../training/spec.ts'
import { newName, pageOf, pageRequest, problem, reference, storable, timestamp, uuid } from './common.ts'
import { trainingProgress, trainingStatus } from './statuses.ts'

// Paths are each machine's own, and how often a state is saved is the platform's business.
const { base: _base, data: _data, test: _test, out: _out, save_seconds: _save, ...settings } = trainingFields.shape

/** The fields of all methods side by side, for readers; each method checks its own and refuses those of others. */
export const methodFields: Record<string, z.ZodType> = {}
for (const method of Object.keys(methods))
  for (const [field, schema] of Object.entries(shapeOf(method)))
    methodFields[field] = z.optional(withoutDefault(schema)).describe(`${method}: ${schema.description ?? field}`)

/** A default filled in here would be a field of another method. */
function withoutDefault(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema
}

const metadata = z
  .record(
    z.string().min(1, 'keys of 1 to 64 characters').max(64, 'keys of 1 to 64 characters').regex(storable),
    z.string({ error: 'texts' }).max(512, 'texts of at most 512 characters').regex(storable, 'texts without U+0000'),
    { error: 'an object of texts' },
  )
  .refine((pairs) => Object.keys(pairs).length <= 16, 'at most 16 pairs')
  .describe('notes of your own, which change nothing')

/** What may be asked of a training; defaults stay those of the training itself. */
export const trainingRequest = z.strictObject(
  {
    name: newName.optional().describe('of the adapter that it makes; one is found where absent'),
    base: reference('a base').optional().describe('the one that this server serves where absent'),
    dataset: reference('a data set').describe('reviews to train on'),
    test_dataset: reference('a data set').optional().describe('reviews to measure on when the training is done'),
    metadata: metadata.optional(),
    method: z.enum(Object.keys(methods)).default('lora'),
    ...z.object(settings).partial().shape,
    ...methodFields,
  },
  {
    error: ({ code }) =>
      code === 'unrecognized_keys' ? 'a field of a training or of its method' : 'an object with dataset and method',
  },
)
export type TrainingRequest = z.infer<typeof trainingRequest>

/** What a training will do, as far as it is known before it begins. */
export const plan = z.strictObject({
  method: z.string(),
  trainable: z.int(),
  total: z.int(),
  percent: z.number(),
  reviews: z.int().describe('seen in all, those of a second pass again'),
  tokens: z.int().optional().describe('of those reviews, after they were cut'),
  steps: z.int(),
  batch_tokens: z.int().optional().describe('of a step, unless it was given in reviews'),
  batch_size: z.int().optional().describe('reviews of a step, where that was asked for'),
  device: z.string(),
  threads: z.int(),
  learning_rate: z.number(),
  labels: z.record(z.string(), z.string()).describe('the word that stands for each label'),
  duplicates: z.int().describe('texts that occur more than once in the training data'),
  leaked: z.int().optional().describe('texts of the test data that are in the training data, too'),
  padding: z.number().describe('share of tokens that are padding'),
  truncated: z.int().describe('reviews that are cut'),
})

/** What two real steps measured. */
export const estimate = z.strictObject({
  seconds: z.number().describe('to the end of the training'),
  reviews_per_second: z.number(),
  memory_bytes: z.int(),
})

export const trainingPlan = z.strictObject({ plan, estimate })
export type TrainingPlan = z.infer<typeof trainingPlan>

export const training = z.strictObject({
  id: uuid,
  name: z.string().optional(),
  status: trainingStatus,
  base: uuid,
  dataset: uuid,
  test_dataset: uuid.optional(),
  method: z.string(),
  settings: z.record(z.string(), z.unknown()).describe('all that decides it, defaults filled in'),
  metadata: metadata.optional(),
  plan: plan.optional(),
  progress: trainingProgress.optional(),
  result: z.record(z.string(), z.unknown()).optional().describe('steps, seconds, loss, accuracy, metrics, curve'),
  adapter: uuid.optional().describe('what it made'),
  error: problem.optional().describe('why it failed'),
  pausing: z.boolean().describe('it was asked to pause and will when its state is saved'),
  slices: z.int().describe('parts in which it ran so far'),
  last_event: z.int().describe('number of its newest event'),
  created_at: timestamp,
  started_at: timestamp.optional(),
  finished_at: timestamp.optional(),
})
export type Training = z.infer<typeof training>

export const trainingList = pageOf(training)
export type TrainingList = z.infer<typeof trainingList>

export const trainingQuery = pageRequest.extend({ status: trainingStatus.optional() })
export type TrainingQuery = z.infer<typeof trainingQuery>

/** One thing that happened in a training. `event.type` tells what: status, plan, step, point, saved, done and others. */
export const trainingEvent = z.strictObject({
  number: z.int().describe('1, 2, 3, … without gap'),
  event: z.looseObject({ type: z.string() }),
  created_at: timestamp,
})
export type TrainingEventAnswer = z.infer<typeof trainingEvent>

export const trainingEventList = z.strictObject({ data: z.array(trainingEvent) })
