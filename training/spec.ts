import { z } from 'zod'
import { describeValue } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import { IN_OUR_WORDS } from '../core/expectation.ts'
import { deviceKinds, precisions } from '../graph/runtime/devices/device-description.ts'
import { lossNames } from '../model/architecture.ts'
import { MAX_TOKENS, truncationSides } from '../model/encode.ts'
import { labelWords } from '../model/label-words.ts'
import { findMethod, type MethodConfig } from '../model/methods/registry.ts'
import { HELD_OUT_RULE } from './data/held-out.ts'
import { type Reading, readingFields } from './data/reading.ts'
import { parseStyledMethod, styles } from './style.ts'

const count = z.int().positive()

/** Tokens of a step, unless the specification says otherwise. */
export const DEFAULT_BATCH_TOKENS = 4096

// Far more than anyone needs. The limits catch typos, because all steps are counted before the first one runs.
const MAX_EPOCHS = 10_000
const MAX_STEPS = 1_000_000
const MAX_THREADS = 1024
const MAX_BATCH_TOKENS = 2 ** 22
const MAX_BATCH_SIZE = 2 ** 16
// A GPU with 80 GB can hold this many. A machine with less memory refuses a training before its first step.
const MAX_MICRO_TOKENS = 2 ** 17

/** The fields of a training, without those of its method. */
export const trainingFields = z.object({
  base: z
    .string()
    .describe(
      'The folder of the base, or its name on the Hugging Face hub, such as google-t5/t5-small. Defaults to the embedded base.',
    )
    .optional(),
  data: z
    .string()
    .describe('The file of reviews to train on, such as JSON lines or CSV. It may be compressed with gzip.'),
  test: z.string().describe('The file of reviews to evaluate the adapter on after the training.').optional(),
  out: z.string().describe('The folder to write the checkpoint to.'),
  from_adapter: z
    .string()
    .describe(
      'The folder of an adapter to continue from, on the same base (with --name: an adapter in the store). The training uses its method, its layout and, if the labels are the same, its label words. Defaults to a new adapter.',
    )
    .optional(),
  style: z
    .enum(styles)
    .describe(
      'The library whose function is trained and whose layout is written, with its defaults for the method. Defaults to PEFT for lora, ia3, soft-prompt and prefix, and to AdapterHub for bottleneck.',
    )
    .optional(),
  epochs: z
    .number()
    .positive()
    .max(MAX_EPOCHS)
    .describe('The number of passes over the data, such as 1.3. Defaults to 1.')
    .optional(),
  steps: count.max(MAX_STEPS).describe('The number of optimizer steps, instead of epochs.').optional(),
  learning_rate: z
    .number()
    .positive()
    .describe('The peak learning rate. Defaults to the rate of the method.')
    .optional(),
  warmup: z
    .number()
    .min(0)
    .lt(1)
    .default(0.05)
    .describe('The share of the steps during which the learning rate rises from 0.'),
  weight_decay: z.number().min(0).default(0).describe('The decoupled weight decay of AdamW.'),
  max_grad_norm: z
    .number()
    .positive()
    .default(1)
    .describe('The largest norm of the gradient. Longer gradients are clipped to it.'),
  dropout: z.number().min(0).lt(1).default(0).describe('The dropout rate of the base during training.'),
  batch_tokens: count
    .max(MAX_BATCH_TOKENS)
    .describe(`The number of tokens of an optimizer step, padding included. Defaults to ${DEFAULT_BATCH_TOKENS}.`)
    .optional(),
  batch_size: count
    .max(MAX_BATCH_SIZE)
    .describe('The number of reviews of an optimizer step, instead of batch_tokens.')
    .optional(),
  micro_tokens: count
    .max(MAX_MICRO_TOKENS)
    .describe(
      'The number of tokens that run at once. A step sums the gradients of several such micro-batches; smaller ones need less memory. Defaults to 1280 on the CPU and 4608 on a GPU.',
    )
    .optional(),
  max_tokens: count
    .min(8)
    .max(MAX_TOKENS)
    .default(512)
    .describe('The largest number of tokens of a review. Longer reviews are truncated.'),
  truncation_side: z
    .enum(truncationSides)
    .default('left')
    .describe('The side from which reviews that are too long are truncated.'),
  loss: z
    .enum(lossNames)
    .default('labels')
    .describe('The classes of the cross-entropy: the label words, or the whole vocabulary.'),
  label_words: labelWords
    .describe(
      'The word that represents each label, such as negative=worst,positive=excellent. Other labels get words automatically.',
    )
    .optional(),
  calibration_rows: z
    .union([z.int().min(0), z.literal('auto')], { error: 'a number of reviews, or auto' })
    .default('auto')
    .describe(
      `The number of training reviews to hold out, at most half of them, to fit the temperature to. 0 holds out none and fits no temperature. auto holds out ${HELD_OUT_RULE}.`,
    ),
  ...readingFields,
  evaluate_every: count
    .describe('The number of steps between two evaluations on the first 1,000 reviews of the test data.')
    .optional(),
  save_seconds: z.number().positive().default(30).describe('The number of seconds between two saved states.'),
  seed: z
    .int()
    .min(0)
    .default(0)
    .describe('The seed of the initial values, the order of the data, the held-out reviews, and dropout.'),
  threads: count.max(MAX_THREADS).describe('The number of threads. Defaults to one per CPU core.').optional(),
  device: z
    .enum(['auto', ...deviceKinds])
    .default('auto')
    .describe('The device to train on. auto selects a GPU if it measures faster than the CPU.'),
  precision: z
    .enum(precisions)
    .default('f32')
    .describe(
      'f16 is for weights and activations on a GPU. int8-frozen is for products with frozen weights on the CPU. Trained parameters are always f32.',
    ),
})

export type TrainingSpec = z.infer<typeof trainingFields> & {
  method: MethodConfig
  learning_rate: number
  /** How the test data are read. Defaults to how the training data are. */
  test_reading?: Reading
}

const throwNothingFrozen = (): never =>
  fail('usage', {
    subject: 'precision int8-frozen',
    problem: 'cannot be combined with the method full, which trains all weights and freezes none',
    fix: 'Use another precision or method.',
  })

/**
 * Validates a specification from flags or a file. It has the fields of the training and of its method side by side, in
 * snake_case.
 * @throws GraftError `usage` or `method_invalid` with the name of a field that is unknown, missing or wrong
 */
export function parseTrainingSpec(input: Readonly<Record<string, unknown>>): TrainingSpec {
  const known = trainingFields.shape
  const trainingInput = Object.fromEntries(Object.entries(input).filter(([key]) => Object.hasOwn(known, key)))
  const methodInput = Object.fromEntries(Object.entries(input).filter(([key]) => !Object.hasOwn(known, key)))
  const parsed = trainingFields.safeParse(trainingInput, IN_OUR_WORDS)
  const method = parseStyledMethod({ method: 'lora', ...methodInput }, parsed.data?.style)
  if (parsed.success) {
    const { epochs, steps, batch_tokens, batch_size, ...fields } = parsed.data
    requireAtMostOne({ epochs, steps })
    requireAtMostOne({ batch_tokens, batch_size })
    if (fields.precision === 'int8-frozen' && method.method === 'full') throwNothingFrozen()
    return {
      ...(steps === undefined ? { epochs: epochs ?? 1 } : { steps }),
      ...(batch_size === undefined ? { batch_tokens: batch_tokens ?? DEFAULT_BATCH_TOKENS } : { batch_size }),
      ...fields,
      learning_rate: fields.learning_rate ?? findMethod(method.method).learningRate,
      method,
    }
  }
  const [{ path, message }] = parsed.error.issues
  const field = String(path[0])
  return fail('usage', {
    subject: field,
    expected: message,
    found: describeValue(trainingInput[field]),
    fix: 'Correct the value. graft train --help describes each field.',
  })
}

/** Requires that two fields that set the same thing are not both set. */
function requireAtMostOne(pair: Readonly<Record<string, unknown>>): void {
  if (Object.values(pair).includes(undefined)) return
  const [field, other] = Object.keys(pair)
  fail('usage', { subject: field, problem: `cannot be combined with ${other}`, fix: `Remove ${field} or ${other}.` })
}
