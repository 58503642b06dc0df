import { apply, noGradient } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import { rank } from '../types.ts'
import { mul, sub } from './elementwise.ts'
import { reduceSum, reshape } from './shape.ts'

export const softmaxOp: Op<null> = {
  name: 'softmax',
  infer: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
  gradient: (y, dy) => [() => mul(y, sub(dy, reduceSum(mul(dy, y), [-1], true)))],
  emit: (onnx, inputs) => onnx.node('Softmax', inputs, { axis: -1 }),
}

/** Softmax over the last axis. */
export const softmax = (x: Tensor): Tensor => apply(softmaxOp, [x], null)

export const oneHotOp: Op<{ depth: number }> = {
  name: 'oneHot',
  infer: ([ids], { depth }) => ({ dtype: 'f32', shape: [...ids.shape, depth] }),
  gradient: noGradient,
  emit: (onnx, [ids], { attributes: { depth } }) =>
    onnx.node('OneHot', [onnx.cast(ids, 'i64'), onnx.int64([depth]), onnx.constant('f32', [2], [0, 1])], { axis: -1 }),
}

/** ids [...] → [..., depth]; an id outside the depth gives a row of zeros only where it is below -depth, so clamp before. */
const oneHot = (ids: Tensor, depth: number): Tensor => apply(oneHotOp, [ids], { depth })

export const crossEntropyOp: Op<null> = {
  name: 'crossEntropy',
  infer: ([logits, labels]) => {
    if (rank(logits) !== 2 || labels.shape.join() !== String(logits.shape[0]))
      throw new Error('logits [N, V] need labels [N]')
    return { dtype: 'f32', shape: labels.shape }
  },
  gradient: ({ inputs: [logits, labels] }, dy) => [
    () => mul(sub(softmax(logits), oneHot(labels, Number(logits.shape[1]))), reshape(dy, [dy.shape[0], 1])),
    null,
  ],
  emit: (onnx, [logits, labels]) => {
    const picked = onnx.node(
      'GatherElements',
      [onnx.node('LogSoftmax', [logits], { axis: -1 }), onnx.node('Unsqueeze', [labels, onnx.int64([1])])],
      { axis: 1 },
    )
    return onnx.node('Neg', [onnx.node('Squeeze', [picked, onnx.int64([1])])])
  },
}

/** logits [N, V], labels [N] in 0..V-1 → the negative log-likelihood of each row [N]. */
export const crossEntropy = (logits: Tensor, labels: Tensor): Tensor => apply(crossEntropyOp, [logits, labels], null)
