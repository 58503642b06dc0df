import { elementCount } from '../dim.ts'
import { apply } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import { type Dim, rank, type Shape } from '../types.ts'

export const reshapeOp: Op<{ shape: Shape }> = {
  name: 'reshape',
  infer: ([x], { shape }) => {
    if (elementCount(x.shape) !== elementCount(shape))
      throw new Error(`${elementCount(x.shape)} elements do not fit the shape [${shape.join(', ')}]`)
    return { dtype: x.dtype, shape }
  },
  gradient: ({ inputs: [x] }, dy) => [() => reshape(dy, x.shape)],
  emit: (onnx, [x], { inputs: [source], attributes: { shape } }) =>
    onnx.node('Reshape', [x, onnx.shape(shape, source.shape)]),
}

/** Returns the same elements, in row-major order, with another shape. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : apply(reshapeOp, [x], { shape })
}

export const transposeOp: Op<{ permutation: readonly number[] }> = {
  name: 'transpose',
  infer: ([x], { permutation }) => {
    if ([...permutation].sort().join() !== x.shape.map((_, i) => i).join())
      throw new Error(`[${permutation}] is not a permutation of ${rank(x)} axes`)
    return { dtype: x.dtype, shape: permutation.map((axis) => x.shape[axis]) }
  },
  gradient: ({ attributes: { permutation } }, dy) => [
    () =>
      transpose(
        dy,
        permutation.map((_, axis) => permutation.indexOf(axis)),
      ),
  ],
  emit: (onnx, [x], { attributes: { permutation } }) => onnx.node('Transpose', [x], { perm: permutation }),
}

export const transpose = (x: Tensor, permutation: readonly number[]): Tensor => apply(transposeOp, [x], { permutation })

export const expandOp: Op<{ shape: Shape }> = {
  name: 'expand',
  infer: ([x], { shape }) => {
    if (!sameShape(broadcast(x.shape, shape), shape))
      throw new Error(`the input does not broadcast to [${shape.join(', ')}]`)
    return { dtype: x.dtype, shape }
  },
  gradient: ({ inputs: [x] }, dy) => [() => sumToShape(dy, x.shape)],
  emit: (onnx, [x], { attributes: { shape } }) => onnx.node('Expand', [x, onnx.shape(shape)]),
}

export const expand = (x: Tensor, shape: Shape): Tensor =>
  sameShape(x.shape, shape) ? x : apply(expandOp, [x], { shape })

export const reduceSumOp: Op<{ axes: readonly number[]; keep: boolean }> = {
  name: 'reduceSum',
  precision: 'full',
  infer: ([x], { axes, keep }) => ({
    dtype: x.dtype,
    shape: x.shape.flatMap((d, i) => (!axes.includes(i) ? [d] : keep ? [1] : [])),
  }),
  gradient: ({ inputs: [x], attributes: { axes } }, dy) => [
    () =>
      expand(
        reshape(
          dy,
          x.shape.map((d, i) => (axes.includes(i) ? 1 : d)),
        ),
        x.shape,
      ),
  ],
  emit: (onnx, [x], { attributes: { axes, keep } }) =>
    onnx.node('ReduceSum', [x, onnx.int64(axes)], { keepdims: keep ? 1 : 0 }),
}

/**
 * Sums over axes.
 * @param axes the axes to sum; negative numbers count from the last axis. Defaults to all axes.
 * @param keep whether the axes stay, with size 1
 */
export function reduceSum(x: Tensor, axes: readonly number[] = x.shape.map((_, i) => i), keep = false): Tensor {
  return axes.length === 0 ? x : apply(reduceSumOp, [x], { axes: axes.map((a) => (a < 0 ? a + rank(x) : a)), keep })
}

/** Broadcasts two shapes as NumPy does: sizes must be equal, or 1 on one side. */
export function broadcast(a: Shape, b: Shape): Dim[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i, n = Math.max(a.length, b.length)) => {
    const p = a[i - n + a.length] ?? 1
    const q = b[i - n + b.length] ?? 1
    if (p !== q && p !== 1 && q !== 1)
      throw new Error(`sizes ${p} and ${q} of [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`)
    return p === 1 ? q : p
  })
}

/** Sums over the axes that were broadcast, back to `shape`. The gradient of broadcasting. */
export function sumToShape(x: Tensor, shape: Shape): Tensor {
  const lead = rank(x) - shape.length
  const axes = x.shape.flatMap((d, i) => (i < lead || (shape[i - lead] === 1 && d !== 1) ? [i] : []))
  return reshape(reduceSum(x, axes, true), shape)
}

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i])
