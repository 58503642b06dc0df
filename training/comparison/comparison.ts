import type { Answer, Interval } from '../metrics.ts'

// What is compared, and what comes of it. Fields are snake_case, as they cross the edge.

export interface ComparedReview {
  id: string
  text: string
  label: string
  /** Of the whole text, however much of it an adapter reads. */
  tokens: number
}

/** An adapter with its answers to all reviews, in their order. */
export interface Answered {
  name: string
  /** The names of its labels, in the order of its probabilities. */
  labels: readonly string[]
  answers: readonly Answer[]
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
}

/** Two adapters; a positive difference speaks for `b`. */
export interface PairResult {
  a: string
  b: string
  /** Accuracy of b less that of a. */
  difference: number
  /** 95 % percentile interval of the paired bootstrap. */
  interval: Interval
  /** Reviews that b has right and a wrong. */
  wins: number
  losses: number
  /** Exact and two-sided. */
  mcnemar_p: number
  /** By Holm over all pairs. */
  adjusted_p: number
  /** Which is better, where `adjusted_p` is below 0.05. */
  better: string | null
  /** Found in four of five test sets like this one; null where none would be. */
  smallest_detectable: number | null
  verdict: string
}

/** Accuracies on some of the reviews, in the order of the adapters. Nothing is tested there: of many slices, some differ by chance. */
export interface ComparedSlice {
  by: 'length' | 'label'
  name: string
  n: number
  adapters: readonly { accuracy: number; interval: Interval }[]
}

/** A review that was not answered alike by all. */
export interface Flip {
  id: string
  /** Its place among the reviews, from 1. */
  row: number
  label: string
  /** The beginning of it, on one line. */
  text: string
  /** In the order of the adapters. */
  answers: readonly { label: string; probability: number; right: boolean }[]
}

export interface Comparison {
  n: number
  adapters: readonly AdapterResult[]
  /** Each with each, in the order of the adapters. */
  pairs: readonly PairResult[]
  slices: readonly ComparedSlice[]
  /** Reviews that were not answered alike by all. */
  disagreements: number
  /** Of those the ones in which the adapters contradict each other with most certainty, 50 at most. */
  flipped: readonly Flip[]
  /** The largest of the pairs': any pair that differs by so much would show. */
  smallest_detectable: number | null
  verdict: string
}
