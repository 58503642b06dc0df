import { apply } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import { rank } from '../types.ts'
import { mul, scale, sub } from './elementwise.ts'
import { reduceSum, sumToShape } from './shape.ts'

export const inverseRmsOp: Op<{ epsilon: number }> = {
  name: 'inverseRms',
  precision: 'full',
  infer: ([x]) => ({ dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] }),
  gradient: (r, dy) => {
    const [x] = r.inputs
    return [() => scale(mul(x, mul(dy, mul(r, mul(r, r)))), -1 / Number(x.shape[rank(x) - 1]))]
  },
  emit: (onnx, [x], { attributes: { epsilon }, inputs: [{ shape }] }) => {
    // ReduceSumSquare would be one node less, but ONNX Runtime does not vectorize it on the CPU.
    const sum = onnx.node('ReduceSum', [onnx.node('Mul', [x, x]), onnx.int64([-1])], { keepdims: 1 })
    const mean = onnx.node('Mul', [sum, onnx.float(1 / Number(shape[shape.length - 1]))])
    return onnx.node('Reciprocal', [onnx.node('Sqrt', [onnx.node('Add', [mean, onnx.float(epsilon)])])])
  },
}

/** x [..., E] → 1 / sqrt(mean(x²) + epsilon) [..., 1] */
const inverseRms = (x: Tensor, epsilon: number): Tensor => apply(inverseRmsOp, [x], { epsilon })

export const rmsNormOp: Op<{ epsilon: number }> = {
  name: 'rmsNorm',
  precision: 'full',
  infer: ([x, w]) => {
    if (x.shape[rank(x) - 1] !== w.shape[0] || rank(w) !== 1)
      throw new Error('the weight must have the size of the last axis')
    return { dtype: x.dtype, shape: x.shape }
  },
  gradient: ({ inputs: [x, w], attributes: { epsilon } }, dy) => {
    const r = inverseRms(x, epsilon)
    return [
      () => {
        const g = mul(dy, w)
        const projection = mul(reduceSum(mul(g, x), [-1], true), mul(r, scale(mul(r, r), 1 / Number(w.shape[0]))))
        return sub(mul(g, r), mul(x, projection))
      },
      () => sumToShape(mul(dy, mul(x, r)), w.shape),
    ]
  },
  emit: (onnx, [x, w], { attributes: { epsilon }, inputs: [source] }) =>
    onnx.node('SimplifiedLayerNormalization', [x, w], { axis: rank(source) - 1, epsilon, stash_type: 1 }),
}

/** RMSNorm (Zhang and Sennrich 2019), as in T5: w · x / sqrt(mean(x²) + epsilon) over the last axis. */
export const rmsNorm = (x: Tensor, w: Tensor, epsilon: number): Tensor => apply(rmsNormOp, [x, w], { epsilon })
