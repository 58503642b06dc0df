import { elements } from '../dim.ts'
import type { Emitter } from '../onnx/emitter.ts'
import { apply } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import { type Dim, rank, type Shape } from '../types.ts'
import { add } from './elementwise.ts'
import { sameShape } from './shape.ts'

export const gatherOp: Op<null> = {
  name: 'gather',
  infer: ([table, ids]) => ({ dtype: table.dtype, shape: [...ids.shape, ...table.shape.slice(1)] }),
  gradient: ({ inputs: [table, ids] }, dy) => [() => scatterAdd(dy, ids, table.shape[0]), null],
  emit: (onnx, inputs) => onnx.node('Gather', inputs, { axis: 0 }),
}

/** table [N, ...], ids [...] → the rows that the ids name [..., ...]. */
export const gather = (table: Tensor, ids: Tensor): Tensor => apply(gatherOp, [table, ids], null)

export const scatterAddOp: Op<{ rows: Dim }> = {
  name: 'scatterAdd',
  precision: 'full',
  infer: ([updates, ids], { rows }) => {
    if (!sameShape(updates.shape.slice(0, rank(ids)), ids.shape))
      throw new Error('the updates must begin with the axes of the ids')
    return { dtype: updates.dtype, shape: [rows, ...updates.shape.slice(rank(ids))] }
  },
  gradient: ({ inputs: [, ids] }, dy) => [() => gather(dy, ids), null, () => dy],
  emit: (onnx, [updates, ids, base], node) => {
    const onto = base ?? onnx.node('Expand', [zeroOf(onnx, ids), onnx.shape(node.shape)])
    if (onnx.target === 'webgpu') return scatterElements(onnx, updates, ids, onto, node)
    const indices = onnx.node('Unsqueeze', [onnx.cast(ids, 'i64'), onnx.int64([-1])])
    return onnx.node('ScatterND', [onto, indices, updates], { reduction: 'add' })
  },
}

/** A zero that only a run knows: ONNX Runtime would keep a table of constant zeros, as large as the vocabulary's, in every session. */
function zeroOf(onnx: Emitter, ids: string): string {
  const first = onnx.node('Gather', [onnx.node('Reshape', [ids, onnx.int64([-1])]), onnx.constant('i32', [1], [0])])
  return onnx.cast(onnx.node('Mul', [first, onnx.constant('i32', [1], [0])]), 'f32')
}

/** ScatterND takes i64 indices alone, which WGSL does not have. */
function scatterElements(
  onnx: Emitter,
  updates: string,
  ids: string,
  onto: string,
  { inputs: [, { shape }], ...node }: Tensor,
): string {
  const flat = [elements(shape), elements(node.shape.slice(1))] // [N, R]
  const reshaped = (x: string, to: Shape) => onnx.node('Reshape', [x, onnx.shape(to)])
  const indices = onnx.node('Expand', [reshaped(ids, [flat[0], 1]), onnx.shape(flat)])
  const rows = [reshaped(onto, [node.shape[0], flat[1]]), indices, reshaped(updates, flat)]
  return reshaped(onnx.node('ScatterElements', rows, { axis: 0, reduction: 'add' }), node.shape)
}

/** The gradient of {@link gather}: adds each row of updates [..., E] to the row of a zero table [rows, E] that its id names. */
export const scatterAdd = (updates: Tensor, ids: Tensor, rows: Dim): Tensor =>
  apply(scatterAddOp, [updates, ids], { rows })

/** The sum of two gradients. Rows that are scattered go onto the other gradient itself, not through a table of zeros. */
export function sumOf(a: Tensor, b: Tensor): Tensor {
  const [scattered, other] = isScattered(b) ? [b, a] : [a, b]
  return isScattered(scattered) ? apply(scatterAddOp, [...scattered.inputs, other], scattered.attributes) : add(a, b)
}

const isScattered = ({ op, inputs }: Tensor): boolean => op === scatterAddOp && inputs.length === 2
