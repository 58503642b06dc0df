import { DEFAULT_BATCH_TOKENS, type TrainingSpec } from '../spec.ts'
import { batchEpoch, type Epoch } from './batches.ts'

/**
 * Tokens, padding included, that a CPU thread processes at once. Few enough that the attention scores stay in the
 * cache; many enough that reading the weights costs little compared with computing on them (docs/benchmarks.md).
 */
export const MICRO_TOKENS = 1280

/**
 * The number of micro-batches of a step is a multiple of this, so that 2 or 4 threads finish at the same time. It is
 * not the number of threads, because any number of threads must train the same bytes.
 */
export const MICRO_MULTIPLE = 4

/** A GPU processes a whole step of the default size at once, because it needs much work to be efficient. */
const GPU_MICRO_TOKENS = 4608

type StepSettings = Pick<
  TrainingSpec,
  'epochs' | 'steps' | 'batch_tokens' | 'batch_size' | 'micro_tokens' | 'seed' | 'device'
>

const microBatchSettings = ({ device, micro_tokens }: StepSettings) =>
  device === 'cpu' || device === 'auto'
    ? { microTokens: micro_tokens ?? MICRO_TOKENS, microMultiple: MICRO_MULTIPLE }
    : { microTokens: micro_tokens ?? GPU_MICRO_TOKENS, microMultiple: 1 }

/** An optimizer step: micro-batches of row numbers. Their gradients are summed. */
export type Step = Epoch[number]

/**
 * Yields the steps of a training in order. The order depends only on the seed. A fraction of an epoch has the first
 * steps of that epoch.
 */
export function* trainingSteps(lengths: Int32Array, settings: StepSettings): Generator<Step> {
  const { epochs = 1, steps, batch_tokens = DEFAULT_BATCH_TOKENS, batch_size, seed } = settings
  let stepsLeft = steps ?? Number.POSITIVE_INFINITY
  for (let epoch = 0; stepsLeft > 0 && (steps !== undefined || epoch < epochs); epoch++) {
    const epochSteps = batchEpoch(lengths, {
      batch: batch_size === undefined ? { tokens: batch_tokens } : { rows: batch_size },
      ...microBatchSettings(settings),
      seed,
      epoch,
    })
    const share = steps === undefined ? Math.min(1, epochs - epoch) : 1
    const taken = epochSteps.slice(0, Math.min(stepsLeft, Math.ceil(share * epochSteps.length - 1e-9)))
    yield* taken
    stepsLeft -= taken.length
  }
}

/** The totals of all steps of a training. */
export interface StepTotals {
  steps: number
  examples: number
  tokens: number
  /** The share of tokens that are padding. */
  padding: number
}

/** Counts the steps of a training without running them. */
export function countSteps(lengths: Int32Array, settings: StepSettings): StepTotals {
  const totals = { steps: 0, examples: 0, tokens: 0, padded: 0 }
  for (const step of trainingSteps(lengths, settings)) {
    totals.steps++
    for (const rows of step) {
      totals.examples += rows.length
      totals.tokens += rows.reduce((sum, row) => sum + lengths[row], 0)
      totals.padded += rows.length * Math.max(...rows.map((row) => lengths[row]))
    }
  }
  const { padded, ...counted } = totals
  return { ...counted, padding: 1 - counted.tokens / padded }
}
