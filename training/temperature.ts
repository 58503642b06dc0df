import { MAX_TEMPERATURE, MIN_TEMPERATURE } from '../checkpoint/manifest.ts'

/** Each halves the interval that contains the temperature. After 40, its relative width is below 1e-11. */
const BISECTIONS = 40

/** Digits of a fitted temperature. Differences in the last digits of logits must not change the adapter's files. */
const DIGITS = 6

/**
 * Returns the temperature T that minimizes the negative log-likelihood of labels under softmax(logits / T) (Guo et al.
 * 2017, arXiv 1706.04599). It is convex in 1/T, so its slope has one root.
 *
 * The targets are those of Platt (1999, "Probabilistic outputs for support vector machines"): of n rows, the true label
 * gets (n + 1) / (n + 2) and the other labels share the rest. Otherwise rows that are all classified correctly would
 * make every answer certain.
 * @param logits [n, C]
 * @param labels [n], indices below C
 * @returns a value from {@link MIN_TEMPERATURE} to {@link MAX_TEMPERATURE}; 1 if no temperature changes a probability
 */
export function fitTemperature(logits: readonly ArrayLike<number>[], labels: readonly number[]): number {
  const rest = 1 / (logits.length + 2)
  const rows = logits.map((row, i) => {
    const list = Array.from(row)
    const top = Math.max(...list)
    const centered = list.map((logit) => logit - top)
    const others = centered.reduce((sum, logit) => sum + logit, 0) - centered[labels[i]]
    return { centered, target: (1 - rest) * centered[labels[i]] + (rest * others) / Math.max(1, list.length - 1) }
  })
  /** The slope of the negative log-likelihood in 1/T: the sum of expected logits minus the logits of the targets. */
  const slopeAt = (temperature: number) =>
    rows.reduce((sum, { centered, target }) => sum + expectedLogit(centered, temperature) - target, 0)

  if (slopeAt(1) === 0) return 1
  let [low, high] = [MIN_TEMPERATURE, MAX_TEMPERATURE]
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = Math.sqrt(low * high)
    // A positive slope in 1/T asks for a smaller 1/T, which is a higher temperature.
    if (slopeAt(middle) > 0) low = middle
    else high = middle
  }
  return Number(Math.sqrt(low * high).toPrecision(DIGITS))
}

/** Returns the mean of logits, weighted by their probabilities. Their maximum must be 0. */
function expectedLogit(centered: readonly number[], temperature: number): number {
  let [weighted, total] = [0, 0]
  for (const logit of centered) {
    const weight = Math.exp(logit / temperature)
    weighted += weight * logit
    total += weight
  }
  return weighted / total
}
