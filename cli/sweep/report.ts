import type { MethodConfig } from '../../model/methods/registry.ts'
import type { BaselineResult } from '../../training/baseline/baseline.ts'
import type { Interval } from '../../training/metrics.ts'
import type { CurvePoint } from '../../training/state/state.ts'

// The results of a sweep. They are written as JSON, so their fields are in snake_case. Nothing in them depends on when
// or where the sweep ran, except the seconds.

export interface SweepReport {
  /** The version of Graft. */
  graft: string
  name: string
  base: { name: string; fingerprint: string; parameters: number }
  data: { train: SweepData; test: SweepData }
  /** Texts of the test data that are also in the training data. Known once a training has started. */
  leaked?: number
  seeds: readonly number[]
  /** The number of different trainings, and how many of them have ended in some way. */
  trainings: { total: number; ended: number }
  rows: readonly RowResult[]
  baseline?: BaselineResult & { seconds: number }
  claims: readonly ClaimResult[]
}

export interface SweepData {
  digest: string
  rows: number
}

export interface RowResult {
  name: string
  method: MethodConfig
  /** The fields of the grid, defaults of the grid included. */
  settings: Readonly<Record<string, unknown>>
  /** The earlier row with equal settings, whose trainings this row shares. */
  shares_trainings_of?: string
  trainable: number
  /** 100 · trainable / all parameters. */
  percent: number
  /** The size of the adapter. */
  bytes: number
  /** In per cent. */
  published?: number
  published_source?: string
  /** Not set until a training has succeeded. */
  accuracy?: RowAccuracy
  /** The mean duration of the trainings that have succeeded. */
  seconds?: number
  trainings: readonly TrainingOutcome[]
}

export interface RowAccuracy {
  /** The mean over the seeds that have succeeded. */
  mean: number
  /** 95 %: Wilson's for one seed; otherwise for other seeds and other reviews. */
  interval: Interval
  /** The standard deviation over the seeds. Not set for one seed. */
  deviation?: number
  seeds: number
}

export interface TrainingOutcome {
  seed: number
  /** The name of the training and of its adapter. */
  name: string
  /** `missing` if it was not launched yet. */
  status: string
  error?: string
  /** SHA-256 of the adapter's weights. */
  digest?: string
  accuracy?: number
  interval?: Interval
  f1?: number
  ece?: number
  loss?: number
  steps?: number
  seconds?: number
  curve?: readonly CurvePoint[]
}

export type ClaimVerdict = 'holds' | 'reversed' | 'undecided' | 'unfinished'

export interface ClaimResult {
  says: string
  better: string
  worse: string
  verdict: ClaimVerdict
  /** The accuracy of the row that is said to be better, minus the other. The mean over the seeds. */
  difference?: number
  interval?: Interval
  p?: number
  /** The p after Holm's adjustment for the number of claims. */
  adjusted_p?: number
  /** The comparison of each seed. */
  seeds: readonly SeedComparison[]
}

export interface SeedComparison {
  seed: number
  difference: number
  interval: Interval
  /** Reviews that only the row that is said to be better classifies correctly. */
  wins: number
  losses: number
  mcnemar_p: number
  verdict: string
}
