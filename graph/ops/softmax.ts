import { apply, noGradient } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import { rank } from '../types.ts'
import { mul, sub } from './elementwise.ts'
import { reduceSum, reshape } from './shape.ts'

export const softmaxOp: Op<null> = {
  name: 'softmax',
  precision: 'full',
  infer: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
  gradient: (y, dy) => [() => mul(y, sub(dy, reduceSum(mul(dy, y), [-1], true)))],
  emit: (onnx, inputs) => onnx.node('Softmax', inputs, { axis: -1 }),
}

/** Softmax over the last axis. */
export const softmax = (x: Tensor): Tensor => apply(softmaxOp, [x], null)

export const logSoftmaxOp: Op<null> = {
  name: 'logSoftmax',
  precision: 'full',
  infer: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
  gradient: ({ inputs: [x] }, dy) => [() => sub(dy, mul(softmax(x), reduceSum(dy, [-1], true)))],
  // ONNX Runtime has no LogSoftmax for WebGPU.
  emit: (onnx, [x]) => {
    const axis = onnx.int64([-1])
    const shifted = onnx.node('Sub', [x, onnx.node('ReduceMax', [x, axis], { keepdims: 1 })])
    const sum = onnx.node('ReduceSum', [onnx.node('Exp', [shifted]), axis], { keepdims: 1 })
    return onnx.node('Sub', [shifted, onnx.node('Log', [sum])])
  },
}

/** The logarithm of {@link softmax}, also where softmax underflows. */
export const logSoftmax = (x: Tensor): Tensor => apply(logSoftmaxOp, [x], null)

export const oneHotOp: Op<{ depth: number }> = {
  name: 'oneHot',
  precision: 'full',
  infer: ([ids], { depth }) => ({ dtype: 'f32', shape: [...ids.shape, depth] }),
  gradient: noGradient,
  emit: (onnx, [ids], { attributes: { depth } }) => {
    const all = Array.from({ length: depth }, (_, i) => i)
    const same = onnx.node('Equal', [
      onnx.node('Unsqueeze', [ids, onnx.int64([-1])]),
      onnx.constant('i32', [depth], all),
    ])
    return onnx.cast(same, 'f32')
  },
}

/** ids [...] → [..., depth]. An id outside 0..depth-1 gives a row of zeros. */
const oneHot = (ids: Tensor, depth: number): Tensor => apply(oneHotOp, [ids], { depth })

export const crossEntropyOp: Op<null> = {
  name: 'crossEntropy',
  precision: 'full',
  infer: ([logits, labels]) => {
    if (rank(logits) !== 2 || labels.shape.join() !== String(logits.shape[0]))
      throw new Error('logits must be [N, V] and labels [N]')
    return { dtype: 'f32', shape: labels.shape }
  },
  gradient: ({ inputs: [logits, labels] }, dy) => [
    () => mul(sub(softmax(logits), oneHot(labels, Number(logits.shape[1]))), reshape(dy, [dy.shape[0], 1])),
    null,
  ],
  emit: (onnx, [logits, labels]) => {
    const axis = onnx.int64([1])
    const shifted = onnx.node('Sub', [logits, onnx.node('ReduceMax', [logits, axis], { keepdims: 1 })])
    const picked = onnx.node('GatherElements', [shifted, onnx.node('Unsqueeze', [labels, axis])], { axis: 1 })
    const sum = onnx.node('ReduceSum', [onnx.node('Exp', [shifted]), axis], { keepdims: 0 })
    return onnx.node('Sub', [onnx.node('Log', [sum]), onnx.node('Squeeze', [picked, axis])])
  },
}

/** logits [N, V], labels [N] in 0..V-1 → the negative log-likelihood of each row [N]. */
export const crossEntropy = (logits: Tensor, labels: Tensor): Tensor => apply(crossEntropyOp, [logits, labels], null)
