import type { Emitter } from '../onnx/emitter.ts'
import { apply, noGradient } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import { rank } from '../types.ts'
import { mul, reluOp } from './elementwise.ts'

/**
 * The codes of activations. Signed ones are whole numbers from -127 to 127, stored as u8 with 128 added. Those of what
 * relu returns are whole numbers from 0 to 255.
 */
interface Codes {
  readonly signed: boolean
}

const largestCode = ({ signed }: Codes): number => (signed ? 127 : 255)

const zeroPointOf = (onnx: Emitter, { signed }: Codes): string => onnx.constant('u8', [], [signed ? 128 : 0])

/** Keeps the step of a row of zeros above zero. */
const MIN_STEP = 1e-30

/** x [.., K] -> the step between two codes of each row [.., 1]: max |x| / 127, or max(x, 0) / 255. */
export const rowStepOp: Op<Codes> = {
  name: 'rowStep',
  precision: 'full',
  infer: ([x]) => ({ dtype: 'f32', shape: [...x.shape.slice(0, -1), 1] }),
  gradient: noGradient,
  emit: (onnx, [x], { attributes }) => {
    const magnitudes = attributes.signed ? onnx.node('Abs', [x]) : x
    const largest = onnx.node('ReduceMax', [magnitudes, onnx.int64([-1])], { keepdims: 1 })
    return onnx.node('Max', [onnx.node('Div', [largest, onnx.float(largestCode(attributes))]), onnx.float(MIN_STEP)])
  },
}

/**
 * x [.., K] and its steps [.., 1] -> round(x / step), ties to even, as u8. Only the CPU has kernels for products of
 * integers; elsewhere the same integers are floats, without 128.
 */
export const roundRowsOp: Op<Codes> = {
  name: 'roundRows',
  precision: 'full',
  infer: ([x]) => ({ dtype: 'u8', shape: x.shape }),
  // The derivative of rounding is zero wherever it is defined.
  gradient: noGradient,
  emit: (onnx, [x, step], { inputs: [{ shape }], attributes }) => {
    if (onnx.target !== 'cpu') {
      const rounded = onnx.node('Round', [onnx.node('Div', [x, step])])
      return attributes.signed ? rounded : onnx.node('Relu', [rounded])
    }
    // QuantizeLinear has a scale for each row of a matrix.
    const rows = onnx.node('Reshape', [x, onnx.int64([-1, Number(shape.at(-1))])])
    const steps = onnx.node('Reshape', [step, onnx.int64([-1])])
    const zeroPoints = onnx.node('Expand', [zeroPointOf(onnx, attributes), onnx.node('Shape', [steps])])
    const codes = onnx.node('QuantizeLinear', [rows, steps, zeroPoints], { axis: 0 })
    return onnx.node('Reshape', [codes, onnx.node('Shape', [x])])
  },
}

/** The codes of activations u8 [.., K], weights i8 [K, N] and their scales [N] -> (Σ a · w) · scales, f32 [.., N]. */
export const codeProductOp: Op<Codes> = {
  name: 'codeProduct',
  precision: 'full',
  infer: ([activations, weights, scales]) => {
    if (weights.dtype !== 'i8' || rank(weights) !== 2) throw new Error('the codes must be an i8 matrix')
    const [inner, outer] = [activations.shape.at(-1), weights.shape[0]]
    if (inner !== outer) throw new Error(`inner sizes ${inner} and ${outer} differ`)
    if (scales.shape.join() !== String(weights.shape[1])) throw new Error('there must be one scale for each column')
    return { dtype: 'f32', shape: [...activations.shape.slice(0, -1), weights.shape[1]] }
  },
  gradient: noGradient,
  emit: (onnx, [activations, weights, scales], { attributes }) =>
    onnx.target === 'cpu'
      ? onnx.node(
          'MatMulIntegerToFloat',
          [activations, weights, onnx.float(1), scales, zeroPointOf(onnx, attributes)],
          {},
          'com.microsoft',
        )
      : onnx.node('Mul', [onnx.node('MatMul', [activations, onnx.cast(weights, 'f32')]), scales]),
}

/**
 * A product with 8-bit weights, and with activations that are rounded for each row: y = (Σ a · w) · scales · step. The
 * sum of integers is exact on every processor, and a row is rounded on its own: neither the machine nor the rows beside
 * it change a result.
 *
 * The inputs are the product of the codes and the steps. If gradients flow through it, they are followed by x and the
 * transposed weights. The gradient for x is that of the product without rounding (a straight-through estimator: Bengio
 * et al. 2013, arXiv 1308.3432). It is itself a product with 8-bit weights.
 */
export const quantizedLinearOp: Op<null> = {
  name: 'quantizedLinear',
  precision: 'full',
  infer: ([{ dtype, shape }]) => ({ dtype, shape }),
  gradient: ({ inputs: [, , ...differentiable] }, dy) => {
    if (differentiable.length === 0) return [null, null]
    const [, codes, scales] = differentiable
    return [null, null, () => quantizedLinear(dy, { codes, scales }), null, null]
  },
  emit: (onnx, [product, step]) => onnx.node('Mul', [product, step]),
}

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
  const { rounded, step, signed } = roundRows(x)
  const product = apply(codeProductOp, [rounded, codes, scales], { signed })
  const backward = transposed ? [x, transposed.codes, transposed.scales] : []
  return apply(quantizedLinearOp, [product, step, ...backward], null)
}

/** Rounds the rows of x. */
function roundRows(x: Tensor): { rounded: Tensor; step: Tensor; signed: boolean } {
  if (x.op !== reluOp) return roundAs(x, { signed: true })
  // Rounding to codes from 0 sets what is negative to 0, as relu does.
  const [h] = x.inputs
  if (h.op !== quantizedLinearOp) return roundAs(h, { signed: false })
  // A factor of a row changes its step and not its codes.
  const [product, factor] = h.inputs
  const { step, ...codes } = roundAs(product, { signed: false })
  return { ...codes, step: mul(step, factor) }
}

function roundAs(x: Tensor, codes: Codes) {
  const step = apply(rowStepOp, [x], codes)
  return { rounded: apply(roundRowsOp, [x, step], codes), step, ...codes }
}
