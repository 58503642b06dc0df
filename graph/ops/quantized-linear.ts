import type { Emitter } from '../onnx/emitter.ts'
import { apply, noGradient } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import { rank } from '../types.ts'

/** Activations are rounded to whole numbers from -127 to 127, and stored as u8 with this number added. */
const ZERO_POINT = 128
const MAX_CODE = 127

/** Keeps the scale of a row of zeros above zero. */
const MIN_MAGNITUDE = 1e-30

/** x [.., K] -> m = max |x| of each row [.., 1]. */
export const rowMagnitudeOp: Op<null> = {
  name: 'rowMagnitude',
  precision: 'full',
  infer: ([x]) => ({ dtype: 'f32', shape: [...x.shape.slice(0, -1), 1] }),
  gradient: noGradient,
  emit: (onnx, [x]) => {
    const largest = onnx.node('ReduceMax', [onnx.node('Abs', [x]), onnx.int64([-1])], { keepdims: 1 })
    return onnx.node('Max', [largest, onnx.float(MIN_MAGNITUDE)])
  },
}

/**
 * x [.., K] and its magnitude [.., 1] -> round(127 x / m), ties to even, as u8 with 128 added. Only the CPU has kernels
 * for products of integers; elsewhere the same integers are floats, without 128.
 */
export const roundRowsOp: Op<null> = {
  name: 'roundRows',
  precision: 'full',
  infer: ([x]) => ({ dtype: 'u8', shape: x.shape }),
  // The derivative of rounding is zero wherever it is defined.
  gradient: noGradient,
  emit: (onnx, [x, magnitude]) => {
    const scaled = onnx.node('Mul', [x, onnx.node('Div', [onnx.float(MAX_CODE), magnitude])])
    return onnx.target === 'cpu'
      ? onnx.node('QuantizeLinear', [scaled, onnx.float(1), zeroPoint(onnx)])
      : onnx.node('Round', [scaled])
  },
}

/**
 * A product with 8-bit weights, and with activations that are rounded for each row. With m = max |x| of a row, a =
 * round(127 x / m) with ties to even, and y = (Σ a · codes) · scales · m / 127. The sum of integers is exact on
 * every processor, and a row is rounded on its own: neither the machine nor the rows beside it change a result.
 *
 * The inputs are x, what {@link roundRowsOp} and {@link rowMagnitudeOp} make of it, and the weights. The gradient for x
 * is that of the product without rounding (a straight-through estimator: Bengio et al. 2013, arXiv 1308.3432). It is
 * itself a product with 8-bit weights.
 */
export const quantizedLinearOp: Op<null> = {
  name: 'quantizedLinear',
  precision: 'full',
  infer: ([x, , , codes, scales]) => {
    if (codes.dtype !== 'i8' || rank(codes) !== 2) throw new Error('the codes must be an i8 matrix')
    if (x.shape.at(-1) !== codes.shape[0]) throw new Error(`inner sizes ${x.shape.at(-1)} and ${codes.shape[0]} differ`)
    if (scales.shape.join() !== String(codes.shape[1])) throw new Error('there must be one scale for each column')
    return { dtype: 'f32', shape: [...x.shape.slice(0, -1), codes.shape[1]] }
  },
  gradient: ({ inputs }, dy) => {
    const [codes, scales] = inputs.slice(5)
    return inputs.map((_, i) => (i === 0 && codes ? () => quantizedLinear(dy, { codes, scales }) : null))
  },
  emit: (onnx, [, rounded, magnitude, codes, scales]) => {
    const sums =
      onnx.target === 'cpu'
        ? onnx.node(
            'MatMulIntegerToFloat',
            [rounded, codes, onnx.float(1), scales, zeroPoint(onnx)],
            {},
            'com.microsoft',
          )
        : onnx.node('Mul', [onnx.node('MatMul', [rounded, onnx.cast(codes, 'f32')]), scales])
    return onnx.node('Mul', [sums, onnx.node('Div', [magnitude, onnx.float(MAX_CODE)])])
  },
}

const zeroPoint = (onnx: Emitter): string => onnx.constant('u8', [], [ZERO_POINT])

/** A matrix in 8 bits: codes i8 [in, out] and the scale of each column [out]. The matrix is about codes · scales. */
export interface QuantizedMatrix {
  readonly codes: Tensor
  readonly scales: Tensor
}

/** The weights of a Linear in 8 bits: Wᵀ [in, out], and W [out, in] if gradients flow through it. */
export interface QuantizedWeight extends QuantizedMatrix {
  readonly transposed?: QuantizedMatrix
}

/** x [.., in] -> [.., out]. Products of the same x share its rounding. */
export function quantizedLinear(x: Tensor, { codes, scales, transposed }: QuantizedWeight): Tensor {
  const magnitude = apply(rowMagnitudeOp, [x], null)
  const rounded = apply(roundRowsOp, [x, magnitude], null)
  const backward = transposed ? [transposed.codes, transposed.scales] : []
  return apply(quantizedLinearOp, [x, rounded, magnitude, codes, scales, ...backward], null)
}
