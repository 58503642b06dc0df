import { z } from 'zod'
import { describe, phraseOf } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import { deviceKinds } from '../graph/runtime/devices/device-description.ts'
import { MAX_TOKENS, truncationSides } from '../model/encode.ts'
import { type MethodConfig, methodNamed, parseMethod } from '../model/methods/registry.ts'

const count = z.int().positive()

/** Tokens of a step where nothing is said of it. */
export const BATCH_TOKENS = 4096

// Far beyond any use: they stand against slips, as all steps are counted before the first.
const MOST_EPOCHS = 10_000
const MOST_STEPS = 1_000_000
const MOST_THREADS = 1024

/** Everything that decides a training, apart from the method's own fields. */
export const trainingFields = z.object({
  base: z.string().describe('folder of the base; the embedded one where absent').optional(),
  data: z.string().describe('reviews to train on: JSONL or CSV, plain or .gz'),
  test: z.string().describe('reviews to evaluate on when the training is done').optional(),
  out: z.string().describe('folder that the checkpoint is written to'),
  epochs: z
    .number()
    .positive()
    .max(MOST_EPOCHS)
    .describe('passes over the data; 1.3 is a full one and a part; 1 where absent')
    .optional(),
  steps: count.max(MOST_STEPS).describe('optimizer steps, instead of epochs').optional(),
  learning_rate: z.number().positive().describe("peak rate; the method's own where absent").optional(),
  warmup: z.number().min(0).lt(1).default(0.05).describe('share of the steps in which the rate rises from 0'),
  weight_decay: z.number().min(0).default(0).describe("AdamW's decoupled decay"),
  max_grad_norm: z.number().positive().default(1).describe('the gradient is cut to this norm'),
  dropout: z.number().min(0).lt(1).default(0).describe("rate of the base's dropout while training"),
  batch_tokens: count
    .describe(`tokens of an optimizer step, padding included; ${BATCH_TOKENS} where absent`)
    .optional(),
  batch_size: count.describe('reviews of an optimizer step, instead of batch_tokens').optional(),
  micro_tokens: count
    .describe(
      'tokens that run at once, of which a step adds up the gradients: less memory; 1280 on the CPU and 4608 on a GPU where absent',
    )
    .optional(),
  max_tokens: count.min(8).max(MAX_TOKENS).default(512).describe('longer reviews are cut'),
  truncation_side: z
    .enum(truncationSides)
    .default('left')
    .describe('side from which a text that is too long is truncated'),
  loss: z
    .enum(['labels', 'vocabulary'])
    .default('labels')
    .describe('cross-entropy over the label words, or over the whole vocabulary'),
  label_words: z
    .record(z.string(), z.string())
    .describe('the word that stands for each label, such as negative=worst,positive=excellent')
    .optional(),
  skip_bad: z.boolean().default(false).describe('pass over lines that cannot be read'),
  evaluate_every: count.describe('steps between evaluations on 1,000 reviews of the test data').optional(),
  save_seconds: z.number().positive().default(30).describe('seconds between saved states'),
  seed: z.int().min(0).default(0).describe('decides initial values, order and dropout'),
  threads: count.max(MOST_THREADS).describe('threads that train; one for each core where absent').optional(),
  device: z
    .enum(['auto', ...deviceKinds])
    .default('auto')
    .describe('where it trains; auto takes a GPU that is measured to be faster than the CPU'),
  precision: z
    .enum(['f32', 'f16'])
    .default('f32')
    .describe('of weights and activations on a GPU; what is trained stays f32'),
})

export type TrainingSpec = z.infer<typeof trainingFields> & { method: MethodConfig; learning_rate: number }

/**
 * Checks a training as it comes from flags or a file: fields of the training and of its method side by side, in snake_case.
 * @throws GraftError `usage` or `method_invalid` for a field that is unknown, missing or wrong, by name
 */
export function parseTrainingSpec(given: Readonly<Record<string, unknown>>): TrainingSpec {
  const known = trainingFields.shape
  const own = Object.fromEntries(Object.entries(given).filter(([key]) => Object.hasOwn(known, key)))
  const rest = Object.fromEntries(Object.entries(given).filter(([key]) => !Object.hasOwn(known, key)))
  const method = parseMethod({ method: 'lora', ...rest })
  const parsed = trainingFields.safeParse(own)
  if (parsed.success) {
    const { epochs, steps, batch_tokens, batch_size, ...fields } = parsed.data
    requireOne({ epochs, steps }, 'how long to train')
    requireOne({ batch_tokens, batch_size }, 'how large a step is')
    return {
      ...(steps === undefined ? { epochs: epochs ?? 1 } : { steps }),
      ...(batch_size === undefined ? { batch_tokens: batch_tokens ?? BATCH_TOKENS } : { batch_size }),
      ...fields,
      learning_rate: fields.learning_rate ?? methodNamed(method.method).learningRate,
      method,
    }
  }
  const [{ path, message }] = parsed.error.issues
  const field = String(path[0])
  return fail('usage', {
    subject: field,
    expected: phraseOf(message),
    found: describe(own[field]),
    fix: 'See graft train --help.',
  })
}

/** Of two fields that say the same in two ways, one at most. */
function requireOne(pair: Readonly<Record<string, unknown>>, what: string): void {
  if (Object.values(pair).includes(undefined)) return
  const [field] = Object.keys(pair)
  const fix = `Leave one out: either says ${what}.`
  fail('usage', { subject: field, expected: Object.keys(pair).join(' or '), found: 'both', fix })
}
