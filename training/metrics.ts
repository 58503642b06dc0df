import { fail } from '../core/errors.ts'
import { type CalibrationScores, scoreCalibration } from './calibration-scores.ts'

/** The prediction for one labelled example. */
export interface Prediction {
  /** The index of the true label. */
  label: number
  /** One for each label. They sum to 1. */
  probabilities: readonly number[]
  /** The probabilities at temperature 1. Set if the adapter has another temperature. */
  uncalibrated?: readonly number[]
  /** Tokens that the model read. */
  tokens: number
  /** The text was longer than that. */
  truncated: boolean
}

export interface ClassMetrics {
  label: string
  /** Examples that have the label. */
  n: number
  /** 0 if the label is never predicted, as in scikit-learn. */
  precision: number
  /** 0 if no example has the label. */
  recall: number
  f1: number
}

export interface Slice {
  name: string
  n: number
  accuracy: number
  interval: Interval
}

export type Interval = readonly [low: number, high: number]

export interface Metrics extends CalibrationScores {
  n: number
  accuracy: number
  /** 95 % Wilson score interval of the accuracy. */
  interval: Interval
  /** Macro F1, the unweighted mean over the labels. */
  f1: number
  /** The scores at temperature 1. Set if the adapter has another temperature. */
  uncalibrated?: CalibrationScores
  labels: readonly string[]
  classes: readonly ClassMetrics[]
  /** Rows are true labels, columns are predicted labels, both in the order of `labels`. */
  confusion: readonly (readonly number[])[]
  /** Slices by length. Empty slices are left out. */
  slices: readonly Slice[]
}

/**
 * Computes the metrics of predictions.
 * @param labels the names of the labels, in the order of the probabilities
 * @throws GraftError `data_empty` if there are no predictions, `training_diverged` if a probability is not a number
 */
export function computeMetrics(predictions: readonly Prediction[], labels: readonly string[]): Metrics {
  if (predictions.length === 0) throwNoExamples()
  const calibration = scoreCalibration(predictions)
  const uncalibrated = predictions.flatMap(({ label, uncalibrated }) =>
    uncalibrated ? [{ label, probabilities: uncalibrated }] : [],
  )
  const scored = predictions.map(scorePrediction)
  const confusion = labels.map(() => labels.map(() => 0))
  for (const { label, predicted } of scored) confusion[label][predicted]++
  const classes = labels.map((label, i) => computeClassMetrics(label, i, confusion))
  return {
    ...computeAccuracy(scored),
    f1: classes.reduce((sum, { f1 }) => sum + f1, 0) / labels.length,
    ...calibration,
    ...(uncalibrated.length > 0 && { uncalibrated: scoreCalibration(uncalibrated) }),
    labels,
    classes,
    confusion,
    slices: LENGTH_SLICES.map(({ name, includes }) => ({ name, ...computeAccuracy(scored.filter(includes)) })).filter(
      ({ n }) => n > 0,
    ),
  }
}

/**
 * Returns the 95 % score interval of a proportion (Wilson 1927).
 * @returns 0 to 1 if there were no trials
 */
export function wilsonInterval(successes: number, trials: number): Interval {
  if (trials === 0) return [0, 1]
  const z2 = 1.959963984540054 ** 2
  const p = successes / trials
  const center = (p + z2 / (2 * trials)) / (1 + z2 / trials)
  const half = Math.sqrt(z2 * ((p * (1 - p)) / trials + z2 / (4 * trials ** 2))) / (1 + z2 / trials)
  return [Math.max(0, center - half), Math.min(1, center + half)]
}

interface ScoredPrediction extends Prediction {
  /** The index of the most probable label. */
  predicted: number
  correct: boolean
}

function scorePrediction(prediction: Prediction): ScoredPrediction {
  const { probabilities, label } = prediction
  const predicted = probabilities.indexOf(Math.max(...probabilities))
  return { ...prediction, predicted, correct: predicted === label }
}

interface LengthSlice {
  name: string
  includes(example: Pick<Prediction, 'tokens' | 'truncated'>): boolean
}

/** Slices of a test set by the number of tokens that were read of each text. */
export const LENGTH_SLICES: readonly LengthSlice[] = [
  { name: 'up to 128 tokens', includes: ({ tokens, truncated }) => !truncated && tokens <= 128 },
  { name: '129 to 256', includes: ({ tokens, truncated }) => !truncated && tokens > 128 && tokens <= 256 },
  { name: '257 to 512', includes: ({ tokens, truncated }) => !truncated && tokens > 256 && tokens <= 512 },
  { name: 'over 512', includes: ({ tokens, truncated }) => !truncated && tokens > 512 },
  { name: 'truncated', includes: ({ truncated }) => truncated },
]

function computeAccuracy(scored: readonly ScoredPrediction[]): { n: number; accuracy: number; interval: Interval } {
  const n = scored.length
  const correct = scored.filter((row) => row.correct).length
  return { n, accuracy: correct / n, interval: wilsonInterval(correct, n) }
}

function computeClassMetrics(label: string, i: number, confusion: readonly (readonly number[])[]): ClassMetrics {
  const n = sum(confusion[i])
  const predicted = sum(confusion.map((row) => row[i]))
  const correct = confusion[i][i]
  const shareOf = (count: number) => (count === 0 ? 0 : correct / count)
  return {
    label,
    n,
    precision: shareOf(predicted),
    recall: shareOf(n),
    f1: n + predicted === 0 ? 0 : (2 * correct) / (n + predicted),
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

function throwNoExamples(): never {
  return fail('data_empty', {
    subject: 'the evaluation',
    expected: 'at least one review',
    found: 'none',
    fix: 'Use a file of labelled reviews.',
  })
}
