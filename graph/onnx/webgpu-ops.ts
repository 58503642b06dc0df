import { elementCount } from '../dim.ts'
import { apply, noGradient } from '../op.ts'
import { rmsNormOp } from '../ops/normal.ts'
import type { Op } from '../tensor.ts'
import { rank, type Shape, type Type } from '../types.ts'
import type { Emitter } from './emitter.ts'

/** A product with a matrix. `alpha` multiplies the product, but not what is added to it. */
interface Gemm {
  transposeA: boolean
  transposeB: boolean
  alpha: number
}

/**
 * alpha · a [..., K] · b [K, N] + c → [..., N] in one dispatch. Either matrix may be given transposed, and c may be a
 * vector [N] or missing.
 */
export const gemmOp: Op<Gemm> = {
  name: 'gemm',
  infer: ([a, b], { transposeA, transposeB }) => ({
    dtype: a.dtype,
    shape: [...(transposeA ? [a.shape[1]] : a.shape.slice(0, -1)), b.shape[transposeB ? 0 : 1]],
  }),
  gradient: noGradient,
  emit: (onnx, [a, b, c], { inputs: [left, , added], attributes: { transposeA, transposeB, alpha }, shape }) => {
    const operands = [toMatrix(onnx, a, left), b, ...(c ? [rank(added) > 1 ? toMatrix(onnx, c, added) : c] : [])]
    const y = onnx.node('Gemm', operands, { transA: Number(transposeA), transB: Number(transposeB), alpha, beta: 1 })
    return shape.length === 2 ? y : onnx.node('Reshape', [y, onnx.shape(shape)])
  },
}

/** [..., N] -> [M, N] */
function toMatrix(onnx: Emitter, x: string, { shape }: Type): string {
  return shape.length === 2 ? x : onnx.node('Reshape', [x, onnx.shape(asMatrix(shape))])
}

const asMatrix = (shape: Shape): Shape => [elementCount(shape.slice(0, -1)), shape[shape.length - 1]]

/** One of the parts into which an axis is divided. All parts of a tensor come from one dispatch. */
export const partOp: Op<{ axis: number; sizes: readonly number[]; index: number }> = {
  name: 'part',
  infer: ([x], { axis, sizes, index }) => ({
    dtype: x.dtype,
    shape: x.shape.map((size, i) => (i === axis ? sizes[index] : size)),
  }),
  gradient: noGradient,
  emit: (onnx, [x], { attributes: { axis, sizes, index } }) =>
    onnx.nodeOutputs('Split', [x, onnx.int64(sizes)], { axis }, sizes.length)[index],
}

/**
 * The gradient of RMSNorm for its input, from x, w and dy. With y = w ∘ x / rms and n columns, it is
 * (dy ∘ w − x / rms · Σ dy ∘ y / n) / rms.
 *
 * A BatchNormalization multiplies and divides by the root in one dispatch: each row is a channel, and the sum of its
 * squares is the variance. With u = 1 / √(Σ x² + n ε), which is 1 / (√n rms), the gradient is
 * u · (√n · dy ∘ w − u · x · Σ dy ∘ y).
 */
export const rmsNormGradientOp: Op<{ epsilon: number }> = {
  name: 'rmsNormGradient',
  infer: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
  gradient: noGradient,
  emit: (onnx, [x, w, dy], { inputs: [source, weight], attributes: { epsilon }, shape }) => {
    const [width, rows] = [Number(shape[shape.length - 1]), onnx.staticSize(elementCount(shape.slice(0, -1))) as number]
    const filled = (size: number, value: number) => onnx.constant('f32', [size], Array(size).fill(value))
    const reshape = (value: string, to: Shape) => onnx.node('Reshape', [value, onnx.shape(to)])
    /** values · scale / √(variance + addend) for each channel of values [batch, channels, elements] */
    const normalize = (values: string, scale: string, variance: string, channels: number, addend: number) => {
      const zeros = filled(channels, 0)
      return onnx.node('BatchNormalization', [values, scale, zeros, zeros, variance], { epsilon: addend })
    }
    const [asRows, asColumns] = [
      [1, rows, width],
      [rows, width, 1],
    ]
    const y = rmsNormOp.emit(onnx, [x, w], apply(rmsNormOp, [source, weight], { epsilon }))
    const squares = reshape(onnx.node('ReduceSumSquare', [x, onnx.int64([-1])], { keepdims: 0 }), [rows])
    const dots = onnx.node('MatMul', [reshape(dy, [rows, 1, width]), reshape(y, asColumns)])
    const weighted = normalize(reshape(dy, asColumns), w, filled(width, 0), width, 1 / width)
    const projected = normalize(reshape(x, asRows), reshape(dots, [rows]), squares, rows, width * epsilon)
    const difference = onnx.node('Sub', [reshape(weighted, asRows), projected])
    return reshape(normalize(difference, filled(rows, 1), squares, rows, width * epsilon), shape)
  },
}
