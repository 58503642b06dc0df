import { addDims } from '../dim.ts'
import { apply } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import { type Dim, rank } from '../types.ts'

interface Span {
  axis: number
  start: Dim
  size: Dim
}

export const sliceOp: Op<Span> = {
  name: 'slice',
  infer: ([x], { axis, size }) => ({ dtype: x.dtype, shape: withSize(x, axis, size) }),
  gradient: ({ inputs: [x], attributes: { axis, start } }, dy) => [
    () => apply(embedOp, [dy], { axis, start, size: x.shape[axis] }),
  ],
  emit: (onnx, [x], { attributes: { axis, start, size } }) =>
    onnx.node('Slice', [x, onnx.shape([start]), onnx.shape([addDims(start, size)]), onnx.int64([axis])]),
}

/** Returns `size` entries of one axis, from `start`. */
export const slice = (x: Tensor, axis: number, start: Dim, size: Dim): Tensor =>
  apply(sliceOp, [x], { axis, start, size })

export const embedOp: Op<Span> = {
  name: 'embed',
  infer: ([x], { axis, size }) => ({ dtype: x.dtype, shape: withSize(x, axis, size) }),
  gradient: ({ inputs: [x], attributes: { axis, start } }, dy) => [() => slice(dy, axis, start, x.shape[axis])],
  emit: (onnx, [x], { dtype, inputs: [source], attributes: { axis, start, size } }) => {
    const after = onnx.node('Sub', [onnx.shape([size]), onnx.shape([addDims(start, source.shape[axis])])])
    return onnx.node('Pad', [
      x,
      onnx.node('Concat', [onnx.shape([start]), after], { axis: 0 }),
      onnx.constant(dtype, [], [0]),
      onnx.int64([axis]),
    ])
  },
}

/** Places x at `start` of an axis of `size` zeros. The gradient of {@link slice}. */
export const embed = (x: Tensor, axis: number, start: Dim, size: Dim): Tensor =>
  apply(embedOp, [x], { axis, start, size })

export const concatOp: Op<{ axis: number }> = {
  name: 'concat',
  infer: (inputs, { axis }) => ({
    dtype: inputs[0].dtype,
    shape: withSize(inputs[0], axis, addDims(...inputs.map((x) => x.shape[axis]))),
  }),
  gradient: ({ inputs, attributes: { axis } }, dy) =>
    inputs.map(
      (x, i) => () =>
        slice(dy, axis, addDims(...inputs.slice(0, i).map((before) => before.shape[axis])), x.shape[axis]),
    ),
  emit: (onnx, inputs, { attributes: { axis } }) => onnx.node('Concat', inputs, { axis }),
}

export const concat = (inputs: readonly Tensor[], axis: number): Tensor =>
  inputs.length === 1 ? inputs[0] : apply(concatOp, inputs, { axis })

function withSize(x: Tensor, axis: number, size: Dim): Dim[] {
  if (axis < 0 || axis >= rank(x)) throw new Error(`the input has no axis ${axis}`)
  return x.shape.map((d, i) => (i === axis ? size : d))
}
