import { z } from 'zod'
import { anyRecord } from '../../core/any-record.ts'
import { fieldsOf, methods } from '../../model/methods/registry.ts'
import { trainingFields } from '../../training/spec.ts'
import { idOrName, pageOf, pageRequest, problem, resourceName, timestamp, uuid, withoutNul } from './common.ts'
import { fileReading } from './datasets.ts'
import { finding } from './findings.ts'
import { trainingProgress, trainingStatus } from './statuses.ts'

// Excludes the paths, which differ between machines, how files are read, which each data set knows itself, and the
// interval between saved states, which the worker sets.
const settings = z
  .object(trainingFields.shape)
  .omit({ base: true, data: true, test: true, from_adapter: true, out: true, save_seconds: true })
  .omit({ text_column: true, label_column: true, skip_bad: true, max_skipped: true }).shape

/**
 * The fields of all methods, for API documentation. Each method checks its own fields and rejects those of other
 * methods.
 */
export const methodFields: Record<string, z.ZodType> = {}
for (const method of Object.keys(methods))
  for (const [field, schema] of Object.entries(fieldsOf(method))) {
    const description = `${method}: ${schema.description ?? field}${describeDefault(schema)}`
    const known = methodFields[field]
    methodFields[field] = known
      ? known.describe(`${known.description}; ${description}`)
      : z.optional(withoutDefault(schema)).describe(description)
  }

/** Returns the default of a schema as the end of its description. The pages show it in the form of a training. */
function describeDefault(schema: z.ZodType): string {
  return schema instanceof z.ZodDefault ? ` (default: ${schema.def.defaultValue})` : ''
}

/** Returns a schema without its default, which would otherwise become a field of every method. */
function withoutDefault(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema
}

/** Returns the schema of a setting whose default is that of the adapter to continue from. */
function orOfAdapter<T extends z.ZodType>(setting: z.ZodDefault<T>) {
  const description = `${setting.description} Defaults to that of from_adapter, or to ${setting.def.defaultValue}.`
  return (setting.unwrap() as T).optional().describe(description)
}

const metadata = anyRecord(
  withoutNul(z.string({ error: 'a text' }).max(512, 'a text of at most 512 characters'), 'a text'),
)
  .refine(
    (pairs) => Object.keys(pairs).every((key) => key.length >= 1 && key.length <= 64 && !key.includes('\0')),
    'keys of 1 to 64 characters, without U+0000',
  )
  .refine((pairs) => Object.keys(pairs).length <= 16, 'at most 16 pairs')
  .describe('Your own notes. They do not affect the training.')

/** A request for a training. The training fills in the defaults of its settings. */
export const trainingRequest = z.strictObject(
  {
    name: resourceName
      .optional()
      .describe('The name of the resulting adapter. Defaults to the method name and a random suffix.'),
    base: idOrName('a base')
      .optional()
      .describe('The base to train on. Defaults to that of from_adapter, or to the one that this server serves.'),
    dataset: idOrName('a data set').describe('The reviews to train on.'),
    test_dataset: idOrName('a data set')
      .optional()
      .describe('The reviews to evaluate the adapter on after the training.'),
    metadata: metadata.optional(),
    from_adapter: idOrName('an adapter')
      .optional()
      .describe(
        'An adapter to continue from, on the same base. The training uses its method, its layout and, if the labels are the same, its label words. Defaults to a new adapter.',
      ),
    method: z
      .enum(Object.keys(methods))
      .optional()
      .describe('The method to train with. Defaults to that of from_adapter, or to lora.'),
    ...z.object(settings).partial().shape,
    max_tokens: orOfAdapter(trainingFields.shape.max_tokens),
    truncation_side: orOfAdapter(trainingFields.shape.truncation_side),
    ...methodFields,
  },
  {
    error: ({ code }) =>
      code === 'unrecognized_keys' ? 'a field of a training or of its method' : 'an object with dataset and method',
  },
)
export type TrainingRequest = z.infer<typeof trainingRequest>

/** The facts about a training that are known before it starts. */
export const plan = z.strictObject({
  method: z.string(),
  trainable: z.int(),
  total: z.int(),
  percent: z.number(),
  reviews: z.int().describe('The number of reviews in all steps. A review counts once per epoch.'),
  tokens: z.int().optional().describe('The number of tokens of these reviews after truncation.'),
  steps: z.int(),
  batch_tokens: z.int().optional().describe('The number of tokens per step. Not set if batch_size is set.'),
  batch_size: z.int().optional().describe('The number of reviews per step. Set only if it was requested.'),
  device: z.string(),
  threads: z.int(),
  learning_rate: z.number(),
  labels: z.record(z.string(), z.string()).describe('The word that represents each label.'),
  duplicates: z.int().describe('The number of texts that occur more than once in the training data.'),
  leaked: z.int().optional().describe('The number of texts of the test data that are also in the training data.'),
  held_out: z
    .int()
    .describe(
      'The number of reviews of the training data that are not trained on. The temperature of the adapter is fitted to them. If there are none, no temperature is fitted.',
    ),
  padding: z.number().describe('The share of tokens that are padding.'),
  truncated: z.int().describe('The number of reviews that are truncated.'),
  data: fileReading.optional().describe('How the training data were read.'),
  test: fileReading.optional().describe('How the test data were read.'),
  findings: z.array(finding).optional().describe('What to know about the data before the training.'),
})

/** The cost of a training, estimated from two real steps. */
export const estimate = z.strictObject({
  seconds: z.number().describe('The duration of the training.'),
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
  from_adapter: uuid.optional().describe('The adapter that the training continued from. Not set after its deletion.'),
  method: z.string(),
  settings: z.record(z.string(), z.unknown()).describe('The settings that determine the training, including defaults.'),
  metadata: metadata.optional(),
  plan: plan.optional(),
  progress: trainingProgress.optional(),
  result: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('The outcome: steps, seconds, loss, calibration, skipped rows, accuracy, metrics, findings and curve.'),
  adapter: uuid.optional().describe('The resulting adapter.'),
  error: problem.describe('The reason for the failure.').optional(),
  pausing: z.boolean().describe('Whether a pause was requested. The training pauses as soon as its state is saved.'),
  slices: z.int().describe('The number of parts in which the training has run so far.'),
  last_event: z.int().describe('The number of the newest event.'),
  created_at: timestamp,
  started_at: timestamp.optional(),
  finished_at: timestamp.optional(),
})
export type Training = z.infer<typeof training>

export const trainingList = pageOf(training)
export type TrainingList = z.infer<typeof trainingList>

export const trainingQuery = pageRequest.extend({ status: trainingStatus.optional() })
export type TrainingQuery = z.infer<typeof trainingQuery>

/** An event of a training. `event.type` is status, stage, plan, step, evaluation, saved or done. */
export const trainingEvent = z.strictObject({
  number: z.int().describe('1, 2, 3, …, without gaps.'),
  event: z.looseObject({ type: z.string() }),
  created_at: timestamp,
})
export type TrainingEventAnswer = z.infer<typeof trainingEvent>

export const trainingEventList = z.strictObject({ data: z.array(trainingEvent) })
export type TrainingEventList = z.infer<typeof trainingEventList>
