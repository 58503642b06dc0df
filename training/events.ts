import type { PlainError } from '../core/errors.ts'
import type { CalibrationScores } from './calibration-scores.ts'
import type { FileReading } from './data/scan-examples.ts'
import type { SkippedRows } from './data/skipped-rows.ts'
import type { Finding } from './findings.ts'
import type { Metrics } from './metrics.ts'
import type { PretrainingPoint, PretrainingResult } from './pretraining/save-base.ts'
import type { Profile } from './profile/profile.ts'
import type { CurvePoint } from './state/state.ts'

/** The work of a training, known before its first step. */
export interface Plan {
  method: string
  trainable: number
  total: number
  percent: number
  /** Reviews of all steps, counted once per epoch. */
  reviews: number
  /** Tokens of these reviews, after truncation. */
  tokens: number
  steps: number
  /** Either tokens of a step, or its reviews. */
  batch_tokens?: number
  batch_size?: number
  device: string
  /** Threads that compute on the CPU. */
  threads: number
  learning_rate: number
  labels: Readonly<Record<string, string>>
  /** Texts of the training data that repeat an earlier one. */
  duplicates: number
  /** Texts of the test data that are also in the training data. */
  leaked?: number
  /** Reviews of the training data that are not trained on. The temperature is fitted to them, unless there are none. */
  held_out: number
  /** The share of tokens that are padding. */
  padding: number
  /** Reviews that are longer than the limit, and are truncated. */
  truncated: number
  /** How the training data were read. */
  data: FileReading
  /** How the test data were read. */
  test?: FileReading
  /** The facts about the data that a user should know before the training. */
  findings: Finding[]
}

/** The time and memory that a training will take, measured by a dry run on two real steps. */
export interface Estimate {
  seconds: number
  reviews_per_second: number
  memory_bytes: number
}

/** The temperature of an adapter, and the held-out reviews that it was fitted to. */
export interface Calibration {
  /** The number of held-out reviews. If it is 0, no temperature was fitted. */
  reviews: number
  /** 1 if none was fitted. */
  temperature: number
  /** The scores on the held-out reviews at temperature 1. */
  before?: CalibrationScores
  /** The scores on the held-out reviews at the fitted temperature. */
  after?: CalibrationScores
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
  /** Steps that were skipped because their gradient overflowed. Only set with precision f16. */
  skipped_steps?: number
  calibration: Calibration
  /** The rows of the files that were not read, if there are any. */
  skipped?: { data?: SkippedRows; test?: SkippedRows }
  accuracy?: number
  metrics?: Metrics
  /** The findings of the plan, and whether the training learned anything. */
  findings: Finding[]
  curve: readonly CurvePoint[]
}

/** An event of a running training. The command line, workers and tests all receive the same events. */
export type TrainingEvent =
  | { type: 'stage'; message: string }
  | { type: 'plan'; plan: Plan }
  | {
      type: 'step'
      step: number
      steps: number
      loss: number
      /** Steps skipped so far because their gradient overflowed in f16. */
      skipped?: number
      reviews_per_second: number
      seconds_left: number
    }
  | {
      type: 'pretraining_step'
      step: number
      steps: number
      /** Running means of the losses, by objective. */
      losses: Readonly<Record<string, number>>
      seconds_left: number
    }
  | ({ type: 'pretraining_evaluation' } & PretrainingPoint)
  | { type: 'pretrained'; result: PretrainingResult }
  | { type: 'evaluation_progress'; done: number; total: number }
  | ({ type: 'evaluation' } & Required<CurvePoint>)
  | { type: 'saved'; step: number; folder: string }
  | { type: 'estimate'; plan: Plan; estimate: Estimate }
  | { type: 'profile'; profile: Profile }
  | { type: 'done'; result: TrainingResult }
  | { type: 'interrupted'; state: string }
  | { type: 'failed'; error: PlainError }

export type TrainingListener = (event: TrainingEvent) => void
