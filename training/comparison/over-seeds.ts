import type { Interval } from '../metrics.ts'
import type { PairCounts } from './mcnemar.ts'
import { studentCriticalValue, studentTwoSidedP } from './student-t.ts'

/** A quantity that was measured once for each seed, on the same test examples. */
export interface SeedEstimate {
  /** The mean over the seeds. */
  mean: number
  /** The standard deviation of the seeds' values. */
  deviation: number
  /** 95 % interval of the mean: for other seeds, and for other test examples of the same kind. */
  interval: Interval
  /** The two-sided p of the hypothesis that the true mean is 0. */
  p: number
}

/** Intervals contain the true value with a chance of 1 minus this. */
const ALPHA = 0.05

/**
 * Estimates the accuracy of a method from the accuracies of its seeds.
 * @param accuracies one for each seed, at least two
 * @param n the number of test examples
 */
export function accuracyOverSeeds(accuracies: readonly number[], n: number): SeedEstimate {
  // Adds two right and two wrong examples (Agresti and Coull 1998). Otherwise an accuracy of 1 would be certain.
  const variances = accuracies.map((accuracy) => {
    const adjusted = (n * accuracy + 2) / (n + 4)
    return (adjusted * (1 - adjusted)) / (n + 4)
  })
  return clip(estimateOverSeeds(accuracies, variances, n), 0, 1)
}

/**
 * Estimates the difference of two methods, the second minus the first, from the comparisons of their adapters, one for
 * each seed. The seeds are blocks: both adapters of a comparison have the same seed.
 * @param pairs at least two, on the same examples
 */
export function differenceOverSeeds(pairs: readonly PairCounts[]): SeedEstimate {
  const [{ n }] = pairs
  const differences = pairs.map(({ wins, losses }) => (wins - losses) / n)
  // Adds one win and one loss, as the interval of a single comparison does.
  const variances = pairs.map(({ wins, losses }) => {
    const all = n + 2
    return ((wins + losses + 2) / all - ((wins - losses) / all) ** 2) / all
  })
  return clip(estimateOverSeeds(differences, variances, n), -1, 1)
}

/**
 * Estimates a mean over seeds. Two things make the measured mean differ from the true one, and its variance is their
 * sum:
 *
 * - The seeds are a sample: s² / S, where s is the standard deviation of the S values.
 * - The test examples are a sample. All seeds share them, so averaging over the seeds does not average this away. The
 *   standard deviation of a mean is at most the mean of the standard deviations, which is used here.
 *
 * The interval is Student's t with the degrees of freedom of Satterthwaite (1946, Biometrics Bulletin 2, p. 110).
 * @param variances the variance of each value due to the choice of the n test examples
 */
function estimateOverSeeds(values: readonly number[], variances: readonly number[], n: number): SeedEstimate {
  const count = values.length
  const mean = sum(values) / count
  const deviation = Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / (count - 1))
  const ofSeeds = deviation ** 2 / count
  const ofExamples = (sum(variances.map(Math.sqrt)) / count) ** 2
  const variance = ofSeeds + ofExamples
  const degrees = variance ** 2 / (ofSeeds ** 2 / (count - 1) + ofExamples ** 2 / Math.max(1, n - 1))
  const half = studentCriticalValue(ALPHA, degrees) * Math.sqrt(variance)
  return {
    mean,
    deviation,
    interval: [mean - half, mean + half],
    p: studentTwoSidedP(mean / Math.sqrt(variance), degrees),
  }
}

function clip(estimate: SeedEstimate, low: number, high: number): SeedEstimate {
  const [from, to] = estimate.interval
  return { ...estimate, interval: [Math.max(low, from), Math.min(high, to)] }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
