import { BATCH_TOKENS, type TrainingSpec } from '../spec.ts'
import { type Epoch, planEpoch } from './batches.ts'

/**
 * Tokens, padding included, that one thread takes at a time. Small enough that the attention scores stay in the processor's cache, large
 * enough that reading the weights costs little beside the work on them (docs/benchmarks.md).
 */
export const MICRO_TOKENS = 1280

/** Micro-batches of a step: 2 or 4 threads then finish together. Not the number of threads, so that the same bytes come of any. */
export const MICRO_MULTIPLE = 4

/** A GPU takes a whole step of the default size at once: it wants much to do at a time. */
const DEVICE_MICRO_TOKENS = 4608

type Schedule = Pick<
  TrainingSpec,
  'epochs' | 'steps' | 'batch_tokens' | 'batch_size' | 'micro_tokens' | 'seed' | 'device'
>

const micro = ({ device, micro_tokens }: Schedule) =>
  device === 'cpu' || device === 'auto'
    ? { microTokens: micro_tokens ?? MICRO_TOKENS, microMultiple: MICRO_MULTIPLE }
    : { microTokens: micro_tokens ?? DEVICE_MICRO_TOKENS, microMultiple: 1 }

/** One optimizer step: micro-batches of row numbers, whose gradients add up. */
export type Step = Epoch[number]

/** The steps of a training in their order, which the seed alone decides. A part of an epoch takes its first steps. */
export function* trainingSteps(lengths: Int32Array, schedule: Schedule): Generator<Step> {
  const { epochs = 1, steps, batch_tokens = BATCH_TOKENS, batch_size, seed } = schedule
  let left = steps ?? Number.POSITIVE_INFINITY
  for (let epoch = 0; left > 0 && (steps !== undefined || epoch < epochs); epoch++) {
    const plan = planEpoch(lengths, {
      batch: batch_size === undefined ? { tokens: batch_tokens } : { rows: batch_size },
      ...micro(schedule),
      seed,
      epoch,
    })
    const share = steps === undefined ? Math.min(1, epochs - epoch) : 1
    const taken = plan.slice(0, Math.min(left, Math.ceil(share * plan.length - 1e-9)))
    yield* taken
    left -= taken.length
  }
}

export interface StepTotals {
  steps: number
  reviews: number
  tokens: number
  /** The share of tokens that are padding. */
  padding: number
}

export function countSteps(lengths: Int32Array, schedule: Schedule): StepTotals {
  const totals = { steps: 0, reviews: 0, tokens: 0, padded: 0 }
  for (const step of trainingSteps(lengths, schedule)) {
    totals.steps++
    for (const rows of step) {
      totals.reviews += rows.length
      totals.tokens += rows.reduce((sum, row) => sum + lengths[row], 0)
      totals.padded += rows.length * Math.max(...rows.map((row) => lengths[row]))
    }
  }
  const { padded, ...counted } = totals
  return { ...counted, padding: 1 - counted.tokens / padded }
}
