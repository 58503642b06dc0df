import { z } from 'zod'
import { fail } from '../core/errors.ts'
import type { T5Config } from '../model/t5/config.ts'
import type { MicroBatch } from './step/gradient-sum.ts'

const matrix = z.array(z.array(z.int()).min(1)).min(1)
const batch = z.object({ input_ids: matrix, attention_mask: matrix, labels: matrix })
type RawBatch = z.infer<typeof batch>

export interface ProbeBatch extends MicroBatch {
  name: string
  /** Rows B and decoder positions T. */
  rows: number
  target: number
}

/** Labels that take no part in the loss, as in PyTorch. */
const IGNORED = -100

/** The batches of a probe's JSON: each top-level object with `input_ids`, `attention_mask` and `labels`. */
export function probeBatches(json: unknown, t5: T5Config, subject: string): ProbeBatch[] {
  const entries = typeof json === 'object' && json !== null ? Object.entries(json) : []
  const batches = entries.filter(([, value]) => typeof value === 'object' && value !== null && 'input_ids' in value)
  return batches.map(([name, value]) => toBatch(name, parsed(value, `${subject}, ${name}`), t5))
}

/** The batches under `trajectory_steps`, in the order in which they are trained on. */
export function trajectoryBatches(json: unknown, t5: T5Config, subject: string): ProbeBatch[] {
  const steps = (json as { trajectory_steps?: unknown } | null)?.trajectory_steps
  if (!Array.isArray(steps) || steps.length === 0)
    fail('data_format', {
      subject: `${subject}, trajectory_steps`,
      expected: 'a list of batches',
      found: steps === undefined ? 'nothing' : JSON.stringify(steps),
      fix: 'Give the batches to train on.',
    })
  return steps.map((value, i) =>
    toBatch(`trajectory_steps.${i}`, parsed(value, `${subject}, trajectory_steps.${i}`), t5),
  )
}

function parsed(value: unknown, subject: string): RawBatch {
  const result = batch.safeParse(value)
  const problem = result.success
    ? unequal(result.data)
    : `${result.error.issues[0].path.join('.')}: ${result.error.issues[0].message}`
  if (!result.success || problem)
    fail('data_format', {
      subject,
      expected: 'input_ids, attention_mask and labels: rows of whole numbers of equal length',
      found: problem ?? '',
      fix: 'Fix the file.',
    })
  return result.data
}

function unequal({ input_ids, attention_mask, labels }: RawBatch): string | undefined {
  if (input_ids.some((row) => row.length !== input_ids[0].length)) return 'input_ids of different lengths'
  if (labels.some((row) => row.length !== labels[0].length)) return 'labels of different lengths'
  if (labels.length !== input_ids.length) return `${labels.length} rows of labels for ${input_ids.length} of input_ids`
  const sameShape =
    attention_mask.length === input_ids.length && attention_mask.every((row, i) => row.length === input_ids[i].length)
  return sameShape ? undefined : 'an attention_mask of another shape than input_ids'
}

/** Decoder inputs are the labels moved right behind the start token, with padding for what is ignored. */
function toBatch(name: string, { input_ids, attention_mask, labels }: RawBatch, t5: T5Config): ProbeBatch {
  const all = labels.flat()
  const counted = all.filter((label) => label !== IGNORED).length
  const shown = (label: number) => (label === IGNORED ? t5.padTokenId : label)
  return {
    name,
    rows: input_ids.length,
    target: labels[0].length,
    symbols: { batch: input_ids.length, source: input_ids[0].length },
    feeds: {
      input_ids: Int32Array.from(input_ids.flat()),
      attention_mask: Float32Array.from(attention_mask.flat()),
      decoder_input_ids: Int32Array.from(
        labels.flatMap((row) => [t5.decoderStartTokenId, ...row.slice(0, -1).map(shown)]),
      ),
      labels: Int32Array.from(all, shown),
      label_weights: Float32Array.from(all, (label) => (label === IGNORED ? 0 : 1 / counted)),
    },
  }
}
