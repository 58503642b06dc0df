import type { PlainError } from '../core/errors.ts'
import type { Metrics } from './metrics.ts'
import type { Profile } from './profile/profile.ts'
import type { CurvePoint } from './state/state.ts'

export interface Plan {
  method: string
  trainable: number
  total: number
  percent: number
  reviews: number
  /** Of those reviews, after they were cut. */
  tokens: number
  steps: number
  /** Tokens of a step, or its reviews. */
  batch_tokens?: number
  batch_size?: number
  device: string
  /** Threads that compute on the CPU. */
  threads: number
  learning_rate: number
  labels: Readonly<Record<string, string>>
  /** Texts that occur more than once in the training data. */
  duplicates: number
  /** Texts of the test data that are in the training data, too. */
  leaked?: number
  /** The share of tokens that are padding. */
  padding: number
  /** Reviews longer than the limit, which are cut. */
  truncated: number
}

/** What the dry run adds to a plan: measured on two real steps. */
export interface Estimate {
  seconds: number
  reviews_per_second: number
  memory_bytes: number
}

export interface TrainingResult {
  checkpoint: string
  steps: number
  trainable: number
  total: number
  seconds: number
  reviews_per_second: number
  /** A running mean over about the last fifty steps. */
  loss: number
  /** With precision f16: steps that were skipped, since their gradient overflowed. */
  skipped_steps?: number
  accuracy?: number
  metrics?: Metrics
  curve: readonly CurvePoint[]
}

/** What a training tells while it runs. Command line, jobs and tests listen to the same. */
export type TrainingEvent =
  | { type: 'stage'; message: string }
  | { type: 'plan'; plan: Plan }
  | {
      type: 'step'
      step: number
      steps: number
      loss: number
      /** Steps that were skipped so far, since their gradient overflowed in f16. */
      skipped?: number
      reviews_per_second: number
      seconds_left: number
    }
  | { type: 'evaluation'; done: number; of: number }
  | { type: 'point'; point: CurvePoint }
  | { type: 'saved'; step: number; folder: string }
  | { type: 'estimate'; plan: Plan; estimate: Estimate }
  | { type: 'profile'; profile: Profile }
  | { type: 'done'; result: TrainingResult }
  | { type: 'interrupted'; state: string }
  | { type: 'failed'; error: PlainError }
