import type { CalibrationBin } from '../calibration-scores.ts'
import type { Interval, Prediction } from '../metrics.ts'

// The inputs and results of a comparison. The API returns the results, so their fields are in snake_case.

export interface ComparedExample {
  id: string
  text: string
  label: string
  /** Tokens of the whole text, before truncation. */
  tokens: number
}

/** An adapter with its predictions for all examples, in their order. */
export interface AdapterPredictions {
  name: string
  /** The names of its labels, in the order of the probabilities. */
  labels: readonly string[]
  predictions: readonly Prediction[]
  /** Trained parameters. Not set for a pipeline. */
  trainable?: number
}

export interface AdapterResult {
  name: string
  n: number
  accuracy: number
  /** 95 % Wilson score interval of the accuracy. */
  interval: Interval
  /** Macro F1. */
  f1: number
  /** Expected calibration error, 15 bins. */
  ece: number
  /** The commit of the repository of a pipeline of the hub. */
  revision?: string
  /** The bins of the calibration error that are not empty, each with the 95 % Wilson score interval of its accuracy. */
  bins: readonly (CalibrationBin & { interval: Interval })[]
  /** Trained parameters. Not set for a pipeline. */
  trainable?: number
}

/** The comparison of two adapters. A positive difference means that `b` is more accurate. */
export interface PairResult {
  a: string
  b: string
  /** The accuracy of b minus the accuracy of a. */
  difference: number
  /** 95 % percentile interval of the paired bootstrap. */
  interval: Interval
  /** Examples on which only b is correct. */
  wins: number
  /** Examples on which only a is correct. */
  losses: number
  /** The p of McNemar's exact two-sided test. */
  mcnemar_p: number
  /** The same, adjusted for all pairs by Holm's method. */
  adjusted_p: number
  /** The name of the better adapter if `adjusted_p` is below 0.05, or else null. */
  better: string | null
  /**
   * The smallest difference that would be found in four of five test sets like this one. Null if no difference would
   * be.
   */
  smallest_detectable: number | null
  verdict: string
}

/**
 * The accuracies on some of the examples, in the order of the adapters. Slices have no significance tests: among many
 * slices, some differ by chance.
 */
export interface ComparedSlice {
  by: 'length' | 'label'
  name: string
  n: number
  adapters: readonly { accuracy: number; interval: Interval }[]
}

/** An example on which the adapters disagree. */
export interface Flip {
  id: string
  /** Its number among the examples, from 1. */
  row: number
  label: string
  /** The beginning of the text, on one line. */
  text: string
  /** The predictions, in the order of the adapters. */
  answers: readonly { label: string; probability: number; right: boolean }[]
}

export interface Comparison {
  n: number
  adapters: readonly AdapterResult[]
  /** One entry for each pair, in the order of the adapters. */
  pairs: readonly PairResult[]
  slices: readonly ComparedSlice[]
  /** The number of examples on which the adapters disagree. */
  disagreements: number
  /** The 50 of these on which the adapters contradict each other with the highest probabilities. */
  flipped: readonly Flip[]
  /** The largest `smallest_detectable` of all pairs: any pair that differs by this much would show. */
  smallest_detectable: number | null
  verdict: string
}
