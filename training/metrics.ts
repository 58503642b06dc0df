import { fail } from '../core/errors.ts'

/** A review that was classified. */
export interface Answer {
  /** The number of the true label. */
  label: number
  /** One for each label; they add up to 1. */
  probabilities: readonly number[]
  /** Tokens that the model read. */
  tokens: number
  /** The text was longer than that. */
  truncated: boolean
}

export interface ClassMetrics {
  label: string
  /** Reviews that bear the label. */
  n: number
  /** 0 where the label is never given as an answer, as in scikit-learn. */
  precision: number
  /** 0 where no review bears the label. */
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

export interface Metrics {
  n: number
  accuracy: number
  /** 95 % Wilson score interval of the accuracy. */
  interval: Interval
  /** Macro F1: the plain mean over the labels. */
  f1: number
  /** Expected calibration error of the answer's probability, in 15 bins of equal width (Guo et al. 2017, arXiv 1706.04599). */
  ece: number
  labels: readonly string[]
  classes: readonly ClassMetrics[]
  /** Rows are true labels, columns the answers, both in the order of `labels`. */
  confusion: readonly (readonly number[])[]
  /** By length, those that hold a review. */
  slices: readonly Slice[]
}

/**
 * @param labels their names, in the order of the probabilities
 * @throws GraftError `data_empty` without any answer, `training_diverged` where a probability is not a number
 */
export function metrics(answers: readonly Answer[], labels: readonly string[]): Metrics {
  if (answers.length === 0) empty()
  const scored = answers.map((answer, row) => score(answer, row))
  const confusion = labels.map(() => labels.map(() => 0))
  for (const { label, answered } of scored) confusion[label][answered]++
  const classes = labels.map((label, i) => classMetrics(label, i, confusion))
  return {
    ...accuracyOf(scored),
    f1: classes.reduce((sum, { f1 }) => sum + f1, 0) / labels.length,
    ece: calibrationError(scored),
    labels,
    classes,
    confusion,
    slices: LENGTHS.map(({ name, holds }) => ({ name, ...accuracyOf(scored.filter(holds)) })).filter(({ n }) => n > 0),
  }
}

/**
 * Wilson's score interval of a proportion (Wilson 1927), 95 %.
 * @returns 0 to 1 where there were no trials
 */
export function wilson(successes: number, trials: number): Interval {
  if (trials === 0) return [0, 1]
  const z2 = 1.959963984540054 ** 2
  const p = successes / trials
  const center = (p + z2 / (2 * trials)) / (1 + z2 / trials)
  const half = Math.sqrt(z2 * ((p * (1 - p)) / trials + z2 / (4 * trials ** 2))) / (1 + z2 / trials)
  return [Math.max(0, center - half), Math.min(1, center + half)]
}

interface Scored extends Answer {
  answered: number
  confidence: number
  right: boolean
}

function score(answer: Answer, row: number): Scored {
  const { probabilities, label } = answer
  if (!probabilities.every(Number.isFinite)) diverged(row, probabilities)
  const confidence = Math.max(...probabilities)
  const answered = probabilities.indexOf(confidence)
  return { ...answer, answered, confidence, right: answered === label }
}

/** Parts of a test set by how much was read of a review. */
export const LENGTHS: readonly { name: string; holds(read: Pick<Answer, 'tokens' | 'truncated'>): boolean }[] = [
  { name: 'up to 128 tokens', holds: ({ tokens, truncated }) => !truncated && tokens <= 128 },
  { name: '129 to 256', holds: ({ tokens, truncated }) => !truncated && tokens > 128 && tokens <= 256 },
  { name: '257 to 512', holds: ({ tokens, truncated }) => !truncated && tokens > 256 && tokens <= 512 },
  { name: 'over 512', holds: ({ tokens, truncated }) => !truncated && tokens > 512 },
  { name: 'truncated', holds: ({ truncated }) => truncated },
]

function accuracyOf(scored: readonly Scored[]): { n: number; accuracy: number; interval: Interval } {
  const n = scored.length
  const right = scored.filter((row) => row.right).length
  return { n, accuracy: right / n, interval: wilson(right, n) }
}

function classMetrics(label: string, i: number, confusion: readonly (readonly number[])[]): ClassMetrics {
  const n = sum(confusion[i])
  const answered = sum(confusion.map((row) => row[i]))
  const right = confusion[i][i]
  const share = (of: number) => (of === 0 ? 0 : right / of)
  return {
    label,
    n,
    precision: share(answered),
    recall: share(n),
    f1: n + answered === 0 ? 0 : (2 * right) / (n + answered),
  }
}

const BINS = 15

/** Bins are open below and closed above: (0, 1/15], (1/15, 2/15], … */
function calibrationError(scored: readonly Scored[]): number {
  const gaps = new Float64Array(BINS)
  for (const { confidence, right } of scored) {
    const bin = Math.min(BINS - 1, Math.max(0, Math.ceil(confidence * BINS) - 1))
    gaps[bin] += Number(right) - confidence
  }
  return sum([...gaps].map(Math.abs)) / scored.length
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

function empty(): never {
  return fail('data_empty', {
    subject: 'the evaluation',
    expected: 'one review or more',
    found: 'none',
    fix: 'Give a file of reviews with labels.',
  })
}

function diverged(row: number, probabilities: readonly number[]): never {
  return fail('training_diverged', {
    subject: `the answer to review ${row + 1}`,
    expected: 'finite probabilities',
    found: probabilities.join(', '),
    fix: 'The weights are no longer numbers: train again with a lower learning rate.',
  })
}
