import type { Example } from '../data/check-row.ts'
import { computeMetrics, type Interval } from '../metrics.ts'
import { type LinearWeights, score, trainLogistic } from './logistic-regression.ts'
import { findFeatures, type SparseRows } from './ngrams.ts'

/** The results of the baseline. */
export interface BaselineResult {
  /** The number of test examples. */
  n: number
  accuracy: number
  /** 95 % Wilson score interval of the accuracy. */
  interval: Interval
  /** Macro F1. */
  f1: number
  /** Trained weights, biases included. */
  trainable: number
}

/**
 * Trains the classifier that a language model should beat, and measures it: TF-IDF of words and pairs of words (see
 * {@link findFeatures}) with a logistic regression. With more than two labels, each has a regression against all
 * others. It draws no random numbers: equal data give equal results.
 * @param train examples of at least two labels
 * @param test examples of these labels
 */
export function measureBaseline(train: readonly Example[], test: readonly Example[]): BaselineResult {
  const labels = [...new Set(train.map(({ label }) => label))].sort()
  const features = findFeatures(train.map(({ text }) => text))
  const rows = features.weigh(train.map(({ text }) => text))
  // One regression decides between two labels.
  const recognized = labels.length === 2 ? labels.slice(1) : labels
  const weights = recognized.map((label) =>
    trainLogistic(
      rows,
      features.size,
      train.map((example) => example.label === label),
    ),
  )
  const testRows = features.weigh(test.map(({ text }) => text))
  const predictions = test.map(({ label }, row) => ({
    label: labels.indexOf(label),
    probabilities: probabilitiesOf(testRows, weights, row),
    tokens: testRows.starts[row + 1] - testRows.starts[row],
    truncated: false,
  }))
  const { n, accuracy, interval, f1 } = computeMetrics(predictions, labels)
  return { n, accuracy, interval, f1, trainable: weights.length * (features.size + 1) }
}

/** Returns the probability of each label, in the order of the labels. */
function probabilitiesOf(rows: SparseRows, weights: readonly LinearWeights[], row: number): number[] {
  const shares = weights.map((each) => 1 / (1 + Math.exp(-score(rows, each, row))))
  if (shares.length === 1) return [1 - shares[0], shares[0]]
  const sum = shares.reduce((a, b) => a + b)
  return shares.map((share) => share / sum)
}
