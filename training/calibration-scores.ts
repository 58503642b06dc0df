import { fail } from '../core/errors.ts'

/** How well probabilities agree with what is true. Lower is better. */
export interface CalibrationScores {
  /**
   * Expected calibration error of the probability of the predicted label, in 15 bins of equal width (Guo et al. 2017,
   * arXiv 1706.04599).
   */
  ece: number
  /** Mean negative natural logarithm of the probability of the true label. */
  log_loss: number
}

/** A row with its true label, by index, and the probability of each label. */
interface ScoredRow {
  label: number
  probabilities: readonly number[]
}

/** The rows whose predicted label has a probability above `low` and up to `high`. */
export interface CalibrationBin {
  low: number
  high: number
  n: number
  /** The mean probability of the predicted label. */
  confidence: number
  /** The share of the predictions that are right. */
  accuracy: number
}

/** @throws GraftError `training_diverged` if a probability is not a number */
export function scoreCalibration(rows: readonly ScoredRow[]): CalibrationScores {
  for (const [row, { probabilities }] of rows.entries())
    if (!probabilities.every(Number.isFinite)) throwNotFinite(row, probabilities)
  return { ece: computeCalibrationError(rows), log_loss: computeLogLoss(rows) }
}

/** Returns the bins of the expected calibration error, in their order. Empty bins are left out. */
export function binCalibration(rows: readonly ScoredRow[]): CalibrationBin[] {
  const bins = Array.from({ length: CALIBRATION_BINS }, () => ({ n: 0, correct: 0, sum: 0 }))
  for (const row of rows) {
    const { bin, confidence, correct } = toBin(row)
    bins[bin].n++
    bins[bin].correct += correct
    bins[bin].sum += confidence
  }
  return bins.flatMap(({ n, correct, sum }, i) => {
    const [low, high] = [i / CALIBRATION_BINS, (i + 1) / CALIBRATION_BINS]
    return n === 0 ? [] : [{ low, high, n, confidence: sum / n, accuracy: correct / n }]
  })
}

const CALIBRATION_BINS = 15

/** Each bin excludes its lower end and includes its upper end: (0, 1/15], (1/15, 2/15], … */
function toBin({ label, probabilities }: ScoredRow): { bin: number; confidence: number; correct: number } {
  const confidence = Math.max(...probabilities)
  const bin = Math.min(CALIBRATION_BINS - 1, Math.max(0, Math.ceil(confidence * CALIBRATION_BINS) - 1))
  return { bin, confidence, correct: Number(probabilities.indexOf(confidence) === label) }
}

function computeCalibrationError(rows: readonly ScoredRow[]): number {
  const gaps = new Float64Array(CALIBRATION_BINS)
  for (const row of rows) {
    const { bin, confidence, correct } = toBin(row)
    gaps[bin] += correct - confidence
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / rows.length
}

/** Probabilities below 2⁻⁵² count as 2⁻⁵², as in scikit-learn, so that the result is finite. */
const computeLogLoss = (rows: readonly ScoredRow[]): number =>
  rows.reduce((sum, { label, probabilities }) => sum - Math.log(Math.max(Number.EPSILON, probabilities[label])), 0) /
  rows.length

function throwNotFinite(row: number, probabilities: readonly number[]): never {
  return fail('training_diverged', {
    subject: `the prediction for review ${row + 1}`,
    expected: 'finite probabilities',
    found: probabilities.join(', '),
    fix: 'The weights are no longer finite numbers. Train again with a lower learning rate.',
  })
}
