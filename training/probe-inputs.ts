import { z } from 'zod'
import { describeIssue } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import { IN_OUR_WORDS } from '../core/expectation.ts'
import type { Generation, Model } from '../model/architecture.ts'
import type { MicroBatch } from './step/gradient-accumulator.ts'

const matrix = z.array(z.array(z.int()).min(1)).min(1)
const batchSchema = z.object({ input_ids: matrix, attention_mask: matrix, labels: matrix })
type RawBatch = z.infer<typeof batchSchema>

export interface ProbeBatch extends MicroBatch {
  name: string
  /** B. */
  rows: number
  /** T, the number of decoder positions. */
  positions: number
}

/** A label that the loss ignores, as in PyTorch. */
const IGNORED_LABEL = -100

/** Reads the batches of a probe's JSON: each top-level object with `input_ids`, `attention_mask` and `labels`. */
export function parseProbeBatches(json: unknown, model: Model, subject: string): ProbeBatch[] {
  const entries = typeof json === 'object' && json !== null ? Object.entries(json) : []
  const batches = entries.filter(([, value]) => typeof value === 'object' && value !== null && 'input_ids' in value)
  return batches.map(([name, value]) => toBatch(name, parseBatch(value, `${subject}, ${name}`), model))
}

/** Reads the batches under `trajectory_steps`, in the order in which they are trained on. */
export function parseTrajectoryBatches(json: unknown, model: Model, subject: string): ProbeBatch[] {
  const steps = (json as { trajectory_steps?: unknown } | null)?.trajectory_steps
  if (!Array.isArray(steps) || steps.length === 0)
    fail('data_format', {
      subject: `${subject}, trajectory_steps`,
      expected: 'a list of batches',
      found: steps === undefined ? 'nothing' : JSON.stringify(steps),
      fix: 'Add the batches to train on.',
    })
  return steps.map((value, i) =>
    toBatch(`trajectory_steps.${i}`, parseBatch(value, `${subject}, trajectory_steps.${i}`), model),
  )
}

/** Says what a value has in a place where something else belongs. */
const describeFault = ({ key, expected, found }: ReturnType<typeof describeIssue>): string =>
  `${key}: ${found}, which is not ${expected}`

function parseBatch(value: unknown, subject: string): RawBatch {
  const result = batchSchema.safeParse(value, IN_OUR_WORDS)
  const found = result.success ? findShapeMismatch(result.data) : describeFault(describeIssue(result.error, value))
  if (!result.success || found)
    fail('data_format', {
      subject,
      expected: 'input_ids, attention_mask and labels as rows of integers, all of one length',
      found: found ?? '',
      fix: 'Correct the file.',
    })
  return result.data
}

function findShapeMismatch({ input_ids, attention_mask, labels }: RawBatch): string | undefined {
  if (input_ids.some((row) => row.length !== input_ids[0].length)) return 'input_ids of different lengths'
  if (labels.some((row) => row.length !== labels[0].length)) return 'labels of different lengths'
  if (labels.length !== input_ids.length) return `${labels.length} rows of labels for ${input_ids.length} of input_ids`
  const sameShape =
    attention_mask.length === input_ids.length && attention_mask.every((row, i) => row.length === input_ids[i].length)
  return sameShape ? undefined : 'an attention_mask whose shape differs from input_ids'
}

/** Ignored labels become padding, with a weight of 0. The loss is the mean over the others. */
function toBatch(name: string, { input_ids, attention_mask, labels }: RawBatch, model: Model): ProbeBatch {
  const all = labels.flat()
  const counted = all.filter((label) => label !== IGNORED_LABEL).length
  const toTokenId = (label: number) => (label === IGNORED_LABEL ? model.padTokenId : label)
  return {
    name,
    rows: input_ids.length,
    positions: labels[0].length,
    symbols: { batch: input_ids.length, source: input_ids[0].length },
    feeds: {
      input_ids: Int32Array.from(input_ids.flat()),
      attention_mask: Float32Array.from(attention_mask.flat()),
      ...requireGeneration(model).inputs(labels.map((row) => row.map(toTokenId))),
      labels: Int32Array.from(all, toTokenId),
      label_weights: Float32Array.from(all, (label) => (label === IGNORED_LABEL ? 0 : 1 / counted)),
    },
  }
}

/**
 * @throws GraftError `usage` if the model does not generate text, so that there are no logits over the vocabulary to
 *   compare
 */
export function requireGeneration({ config, generation }: Model): Generation {
  return (
    generation ??
    fail('usage', {
      subject: config.architecture,
      problem: 'cannot be probed because it does not generate text',
      fix: 'Use a base that generates text, such as a T5.',
    })
  )
}
