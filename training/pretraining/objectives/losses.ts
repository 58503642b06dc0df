import { mul, scale, sub } from '../../../graph/ops/elementwise.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { reduceSum, reshape } from '../../../graph/ops/shape.ts'
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
 * Returns the cross-entropy between the input `NAME.targets` [B, C] and logits at the decoder's first step [B, 1, C].
 * Each row of the targets sums to the weight of the segment.
 */
export const firstStepLoss = (name: string, logits: Tensor): Tensor => {
  const shape = ['batch', logits.shape[2]]
  return softCrossEntropy(reshape(logits, shape), input(`${name}.targets`, 'f32', shape))
}

/**
 * Returns the sum over rows of the cross-entropy between a distribution and the softmax of logits.
 * @param logits [N, C]
 * @param targets [N, C]; each row sums to the weight of the row
 */
const softCrossEntropy = (logits: Tensor, targets: Tensor): Tensor =>
  scale(reduceSum(mul(targets, logSoftmax(logits))), -1)
