import { minimize } from './minimize.ts'
import type { SparseRows } from './ngrams.ts'

/** The weight of the loss against the penalty ½|w|², as scikit-learn's C. Sentiment of reviews needs a weak penalty. */
const LOSS_WEIGHT = 10

/** A trained classifier: the weights of each feature, and after them the bias. */
export type LinearWeights = Float64Array

/**
 * Trains a logistic regression with an L2 penalty, which leaves out the bias.
 * @param features the number of columns of the rows
 * @param positive true for each row of the class that the classifier recognizes
 */
export function trainLogistic(rows: SparseRows, features: number, positive: readonly boolean[]): LinearWeights {
  const { starts, columns, values } = rows
  return minimize(features + 1, (weights, gradient) => {
    let value = 0
    for (let j = 0; j < features; j++) {
      value += 0.5 * weights[j] ** 2
      gradient[j] = weights[j]
    }
    gradient[features] = 0
    for (const [row, isPositive] of positive.entries()) {
      const sign = isPositive ? 1 : -1
      const margin = sign * score(rows, weights, row)
      // ln(1 + e^-margin), without overflow
      value += LOSS_WEIGHT * (Math.log1p(Math.exp(-Math.abs(margin))) + Math.max(0, -margin))
      const slope = (-LOSS_WEIGHT * sign) / (1 + Math.exp(margin))
      for (let k = starts[row]; k < starts[row + 1]; k++) gradient[columns[k]] += slope * values[k]
      gradient[features] += slope
    }
    return value
  })
}

/** Returns the log odds that a row is of the class. */
export function score({ starts, columns, values }: SparseRows, weights: LinearWeights, row: number): number {
  let sum = weights[weights.length - 1]
  for (let k = starts[row]; k < starts[row + 1]; k++) sum += weights[columns[k]] * values[k]
  return sum
}
