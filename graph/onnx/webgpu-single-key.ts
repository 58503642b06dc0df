import { apply, noGradient } from '../op.ts'
import { sameShape } from '../ops/shape.ts'
import type { Op, Tensor } from '../tensor.ts'
import { type DType, rank, type Shape } from '../types.ts'
import type { Context } from './webgpu-rule.ts'

/*
 * A decoder with one position attends to itself with the probability 1, whatever its queries and keys are. So they have
 * no gradient: the formula's result would be rounding errors. These rules derive that from the ops, without computing
 * either.
 */

/** A tensor of equal values that are known before the program runs. */
const filledOp: Op<{ value: number; dtype: DType; shape: Shape }> = {
  name: 'filled',
  infer: (_, { dtype, shape }) => ({ dtype, shape }),
  gradient: noGradient,
  emit: (onnx, _, { dtype, shape, attributes: { value } }) =>
    onnx.node('Expand', [onnx.constant(dtype, [], [value]), onnx.shape(shape)]),
}

const filled = (value: number, { dtype, shape }: Tensor): Tensor => apply(filledOp, [], { value, dtype, shape })

const isFilled = (x: Tensor, value: number): boolean => x.op === filledOp && x.attributes.value === value

/** The softmax of a single number is 1. */
export function fillSoftmax(node: Tensor, { sizeOf }: Context): Tensor | undefined {
  return sizeOf(node.shape[rank(node) - 1]) === 1 ? filled(1, node) : undefined
}

/** Attention with the probability 1 returns the value. */
export function returnValue({ inputs: [, , v, , p, keep], shape }: Tensor, { fused }: Context): Tensor | undefined {
  return !keep && isFilled(fused(p), 1) && sameShape(v.shape, shape) ? fused(v) : undefined
}

/** A product with zeros is zero, and so is a product of matrices. A product with a single 1 is the other side. */
export function multiplyFilled(node: Tensor, { fused, sizeOf }: Context): Tensor | undefined {
  const [a, b] = node.inputs.map(fused)
  if (isFilled(a, 0) || isFilled(b, 0)) return filled(0, node)
  const isSingle = node.op.name === 'mul' || a.shape.slice(-2).every((dim) => sizeOf(dim) === 1)
  return isFilled(a, 1) && isSingle && !node.attributes?.transposeB && sameShape(b.shape, node.shape) ? b : undefined
}

/** Adding zeros changes nothing. */
export function addFilled({ inputs, shape }: Tensor, { fused }: Context): Tensor | undefined {
  const [a, b] = inputs.map(fused)
  if (isFilled(a, 0) && sameShape(b.shape, shape)) return b
  return isFilled(b, 0) && sameShape(a.shape, shape) ? a : undefined
}

/** The same number, computed as a · bᵀ and as the sum of a ∘ b, has the difference 0. */
export function subtractEqual(node: Tensor, { fused, sizeOf }: Context): Tensor | undefined {
  const [product, sum] = node.inputs
  const { transposeA, transposeB } = product.attributes ?? {}
  const terms = sum.inputs[0]
  if (product.op.name !== 'matmul' || transposeA || !transposeB || sum.op.name !== 'reduceSum') return
  const isRowSum = terms.op.name === 'mul' && sum.attributes.axes.join() === String(rank(terms) - 1)
  const isNumber = product.shape.slice(-2).every((dim) => sizeOf(dim) === 1) && sameShape(product.shape, sum.shape)
  if (!isRowSum || !isNumber || product.inputs.some((x, i) => fused(x) !== fused(terms.inputs[i]))) return
  return filled(0, node)
}

/** Moves equal values. A sum of zeros is zero. */
export function moveFilled(node: Tensor, { fused }: Context): Tensor | undefined {
  const x = fused(node.inputs[0])
  return isFilled(x, 0) || (isFilled(x, 1) && node.op.name !== 'reduceSum')
    ? filled(x.attributes.value, node)
    : undefined
}
