import { apply, noGradient } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import type { DType } from '../types.ts'
import { scalar } from './leaf.ts'
import { broadcast, sumToShape } from './shape.ts'

type Binary = Op<null>

function binary(name: string, onnxName: string, gradient: Binary['gradient']): Binary {
  return {
    name,
    infer: ([a, b]) => {
      if (a.dtype !== b.dtype) throw new Error('both sides must have the same element type')
      return { dtype: a.dtype, shape: broadcast(a.shape, b.shape) }
    },
    gradient,
    emit: (onnx, inputs) => onnx.node(onnxName, inputs),
  }
}

export const addOp = binary('add', 'Add', ({ inputs: [a, b] }, dy) => [
  () => sumToShape(dy, a.shape),
  () => sumToShape(dy, b.shape),
])
export const subOp = binary('sub', 'Sub', ({ inputs: [a, b] }, dy) => [
  () => sumToShape(dy, a.shape),
  () => sumToShape(mul(dy, scalar(-1)), b.shape),
])
export const mulOp = binary('mul', 'Mul', ({ inputs: [a, b] }, dy) => [
  () => sumToShape(mul(dy, b), a.shape),
  () => sumToShape(mul(dy, a), b.shape),
])
export const divOp: Binary = {
  ...binary('div', 'Div', (y, dy) => {
    const [a, b] = y.inputs
    return [() => sumToShape(div(dy, b), a.shape), () => sumToShape(mul(div(mul(dy, y), b), scalar(-1)), b.shape)]
  }),
  precision: 'full',
}

export const add = (a: Tensor, b: Tensor): Tensor => apply(addOp, [a, b], null)
export const sub = (a: Tensor, b: Tensor): Tensor => apply(subOp, [a, b], null)
export const mul = (a: Tensor, b: Tensor): Tensor => apply(mulOp, [a, b], null)
export const div = (a: Tensor, b: Tensor): Tensor => apply(divOp, [a, b], null)
export const scale = (x: Tensor, factor: number): Tensor => (factor === 1 ? x : mul(x, scalar(factor)))

type Unary = Op<null>

function unary(name: string, gradient: (x: Tensor, dy: Tensor, y: Tensor) => Tensor, emit: Unary['emit']): Unary {
  return {
    name,
    infer: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
    gradient: (y, dy) => [() => gradient(y.inputs[0], dy, y)],
    emit,
  }
}

const emitAs =
  (onnxName: string): Unary['emit'] =>
  (onnx, inputs) =>
    onnx.node(onnxName, inputs)

/** The coefficients of the tanh approximation of GELU (Hendrycks and Gimpel 2016; `gelu_new` in Hugging Face). */
const GELU_SLOPE = Math.sqrt(2 / Math.PI)
const GELU_CUBIC = 0.044715

export const reluOp = unary('relu', (_, dy, y) => mul(dy, step(y)), emitAs('Relu'))
export const tanhOp = unary('tanh', (_, dy, y) => mul(dy, sub(scalar(1), mul(y, y))), emitAs('Tanh'))
export const sigmoidOp = unary('sigmoid', (_, dy, y) => mul(dy, mul(y, sub(scalar(1), y))), emitAs('Sigmoid'))
export const sqrtOp: Unary = {
  ...unary('sqrt', (_, dy, y) => div(mul(dy, scalar(0.5)), y), emitAs('Sqrt')),
  precision: 'full',
}
/** SiLU, also called swish: x · sigmoid(x). */
export const siluOp = unary(
  'silu',
  (x, dy, y) => {
    const s = sigmoid(x)
    return mul(dy, add(s, mul(y, sub(scalar(1), s))))
  },
  (onnx, [x]) => onnx.node('Mul', [x, onnx.node('Sigmoid', [x])]),
)
export const geluOp = unary(
  'gelu',
  (x, dy) => {
    const square = mul(x, x)
    const t = tanh(mul(x, add(scale(square, GELU_SLOPE * GELU_CUBIC), scalar(GELU_SLOPE))))
    const slope = add(scale(square, 3 * GELU_SLOPE * GELU_CUBIC), scalar(GELU_SLOPE))
    return mul(dy, scale(add(add(t, scalar(1)), mul(mul(x, sub(scalar(1), mul(t, t))), slope)), 0.5))
  },
  (onnx, inputs) => onnx.node('Gelu', inputs, { approximate: 'tanh' }),
)

/** Slopes that are steep enough to reach 1 at the smallest normal number of the type. */
const HARD_SIGMOID_SLOPE = { f32: 3e38, f16: 6e4 }

/**
 * The Heaviside step function. Its gradient is zero wherever it is defined. A HardSigmoid takes one vectorized pass; a
 * comparison with its casts takes three.
 */
export const stepOp: Unary = {
  name: 'step',
  infer: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
  gradient: noGradient,
  emit: (onnx, inputs, { dtype }) =>
    onnx.node('HardSigmoid', inputs, { alpha: HARD_SIGMOID_SLOPE[dtype === 'f16' ? 'f16' : 'f32'], beta: 0 }),
}

export const relu = (x: Tensor): Tensor => apply(reluOp, [x], null)
export const tanh = (x: Tensor): Tensor => apply(tanhOp, [x], null)
export const sigmoid = (x: Tensor): Tensor => apply(sigmoidOp, [x], null)
export const sqrt = (x: Tensor): Tensor => apply(sqrtOp, [x], null)
export const silu = (x: Tensor): Tensor => apply(siluOp, [x], null)
/** The tanh approximation of GELU. */
export const gelu = (x: Tensor): Tensor => apply(geluOp, [x], null)
/** The Heaviside step function: 1 if x > 0, else 0. */
export const step = (x: Tensor): Tensor => apply(stepOp, [x], null)

export const castOp: Op<{ to: DType }> = {
  name: 'cast',
  infer: ([x], { to }) => ({ dtype: to, shape: x.shape }),
  gradient: noGradient,
  emit: (onnx, [x], { attributes: { to } }) => onnx.cast(x, to),
}

/** Converts the element type. No gradient flows through it. */
export const cast = (x: Tensor, to: DType): Tensor => (x.dtype === to ? x : apply(castOp, [x], { to }))

export const detachOp: Op<null> = {
  name: 'detach',
  infer: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
  gradient: noGradient,
  emit: (onnx, inputs) => onnx.node('Identity', inputs),
}

/** The same values as a constant: no gradient flows through it. */
export const detach = (x: Tensor): Tensor => apply(detachOp, [x], null)

export const lessOp: Op<null> = {
  name: 'less',
  precision: 'full',
  infer: ([a, b]) => ({ dtype: 'bool', shape: broadcast(a.shape, b.shape) }),
  gradient: noGradient,
  emit: (onnx, inputs) => onnx.node('Less', inputs),
}

/** Compares a < b. The result is false if a or b is NaN. */
export const less = (a: Tensor, b: Tensor): Tensor => apply(lessOp, [a, b], null)

export const whereOp: Op<null> = {
  name: 'where',
  infer: ([condition, a, b]) => ({ dtype: a.dtype, shape: broadcast(condition.shape, broadcast(a.shape, b.shape)) }),
  gradient: ({ inputs: [condition, a, b] }, dy) => [
    null,
    () => sumToShape(where(condition, dy, scalar(0)), a.shape),
    () => sumToShape(where(condition, scalar(0), dy), b.shape),
  ],
  emit: (onnx, inputs) => onnx.node('Where', inputs),
}

/** Selects a if the condition is true, else b. */
export const where = (condition: Tensor, a: Tensor, b: Tensor): Tensor => apply(whereOp, [condition, a, b], null)
