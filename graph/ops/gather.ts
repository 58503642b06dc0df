import { apply } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import { type Dim, rank } from '../types.ts'
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
  infer: ([updates, ids], { rows }) => {
    if (!sameShape(updates.shape.slice(0, rank(ids)), ids.shape))
      throw new Error('the updates must begin with the axes of the ids')
    return { dtype: updates.dtype, shape: [rows, ...updates.shape.slice(rank(ids))] }
  },
  gradient: ({ inputs: [, ids] }, dy) => [() => gather(dy, ids), null],
  emit: (onnx, [updates, ids], node) => {
    const zeros = onnx.node('Expand', [onnx.float(0), onnx.shape(node.shape)])
    const indices = onnx.node('Unsqueeze', [onnx.cast(ids, 'i64'), onnx.int64([-1])])
    return onnx.node('ScatterND', [zeros, indices, updates], { reduction: 'add' })
  },
}

/** The gradient of {@link gather}: adds each row of updates [..., E] to the row of a zero table [rows, E] that its id names. */
export const scatterAdd = (updates: Tensor, ids: Tensor, rows: Dim): Tensor =>
  apply(scatterAddOp, [updates, ids], { rows })
