import { resolve } from 'node:path'
import { z } from 'zod'
import { parseHubName } from '../../checkpoint/hub-name.ts'
import { describeIssue } from '../../core/describe.ts'
import { fail } from '../../core/errors.ts'
import { IN_OUR_WORDS } from '../../core/expectation.ts'
import { labelWords } from '../../model/label-words.ts'
import { objectiveConfig } from './objectives/registry.ts'

const count = z.int().positive()

const task = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]*$/, 'a name of lower-case letters, digits and _'),
  data: z.string().describe('The corpus: a prepared .safetensors file, or texts as a training reads them.'),
  rows: z.array(count).min(1).default([1]).describe('The number of rows of a segment is drawn from these.'),
  tokens: z.array(count.min(8)).min(1).default([256]).describe('The largest length of a segment is drawn from these.'),
  batch_tokens: count.default(2560).describe('The tokens of a step, padding included.'),
  every: count.default(1).describe('The task takes part in every step, or in every second, …'),
  objectives: z.array(objectiveConfig).min(1),
})

const pretrainingFields = z.strictObject({
  start: z
    .string()
    .describe(
      'The base to start from: its folder, or its name on the Hugging Face hub. Its weights are the initial values.',
    ),
  steps: count.max(10_000_000),
  learning_rate: z.number().positive().describe('The peak learning rate.'),
  warmup: z.number().min(0).lt(1).default(0.05).describe('The share of the steps during which the rate rises from 0.'),
  rate_factors: z
    .record(z.string(), z.number().positive())
    .default({})
    .describe('Factors of the rate for the tensors whose names contain a text, such as .q.weight: 0.1.'),
  beta1: z.number().gt(0).lt(1).default(0.9),
  beta2: z.number().gt(0).lt(1).default(0.98),
  weight_decay: z.number().min(0).default(0),
  max_grad_norm: z.number().positive().default(1),
  seed: z.int().min(0).default(0),
  evaluate_every: count.default(200).describe('The number of steps between two evaluations on held-out documents.'),
  held_out: z.int().min(0).default(100).describe('The documents of each corpus that are held out.'),
  save_seconds: z.number().positive().default(120),
  name: z.string().min(1).describe('The name of the new base.'),
  out: z.string().describe('The folder to write the new base to, unless --out names another.').optional(),
  label_words: labelWords.default({}).describe('The words that score the labels of the new base.'),
  tasks: z.array(task).min(1),
})

export type TaskConfig = z.infer<typeof task>
export type PretrainingConfig = z.infer<typeof pretrainingFields>
/** A configuration, and where its result goes. */
export type PretrainingSpec = Omit<PretrainingConfig, 'out'> & { out: string; threads?: number }

/**
 * Validates a configuration. Paths in it are relative to its folder.
 * @param folder the folder of the configuration file
 * @throws GraftError `usage` with the name of the field
 */
export function parsePretraining(value: unknown, folder: string): PretrainingConfig {
  const parsed = pretrainingFields.safeParse(value, IN_OUR_WORDS)
  if (!parsed.success) {
    const { key, expected, found } = describeIssue(parsed.error, value)
    return fail('usage', { subject: key || 'the configuration', expected, found, fix: 'Correct the file.' })
  }
  const { start, out, tasks, ...fields } = parsed.data
  const names = tasks.map(({ name }) => name)
  const repeated = names.find((name, i) => names.indexOf(name) < i)
  if (repeated)
    fail('usage', { subject: 'tasks', problem: `has two tasks named ${repeated}`, fix: 'Rename one of them.' })
  return {
    ...fields,
    start: parseHubName(start, folder) ? start : resolve(folder, start),
    ...(out !== undefined && { out: resolve(folder, out) }),
    tasks: tasks.map((entry) => ({ ...entry, data: resolve(folder, entry.data) })),
  }
}
