import { mul, scale, sub } from '../../../graph/ops/elementwise.ts'
import { reduceSum } from '../../../graph/ops/shape.ts'
import { logSoftmax } from '../../../graph/ops/softmax.ts'
import type { Tensor } from '../../../graph/tensor.ts'

/**
 * Returns the sum over rows of the mean squared error of each.
 * @param predicted [N, D]
 * @param targets [N, D]
 * @param weights [N, 1], a factor for the error of each row
 */
export function squaredError(predicted: Tensor, targets: Tensor, weights: Tensor): Tensor {
  const difference = sub(predicted, targets)
  return scale(reduceSum(mul(mul(difference, difference), weights)), 1 / Number(predicted.shape[1]))
}

/**
 * Returns the sum over rows of the cross-entropy between a distribution and the softmax of logits.
 * @param logits [N, C]
 * @param targets [N, C]; each row sums to the weight of the row
 */
export const softCrossEntropy = (logits: Tensor, targets: Tensor): Tensor =>
  scale(reduceSum(mul(targets, logSoftmax(logits))), -1)
