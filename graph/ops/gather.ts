import { elementCount } from '../dim.ts'
import type { Emitter } from '../onnx/emitter.ts'
import { apply } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import { type Dim, rank, type Shape } from '../types.ts'
import { add } from './elementwise.ts'
import { reshape, sameShape } from './shape.ts'
import { concat } from './slice.ts'

export const gatherOp: Op<null> = {
  name: 'gather',
  infer: ([table, ids]) => ({ dtype: table.dtype, shape: [...ids.shape, ...table.shape.slice(1)] }),
  gradient: ({ inputs: [table, ids] }, dy) => [() => scatterAdd(dy, ids, table.shape[0]), null],
  emit: (onnx, inputs) => onnx.node('Gather', inputs, { axis: 0 }),
}

/** table [N, E], ids [...] → the rows with these ids [..., E]. */
export const gather = (table: Tensor, ids: Tensor): Tensor => apply(gatherOp, [table, ids], null)

export const scatterAddOp: Op<{ rows: Dim }> = {
  name: 'scatterAdd',
  precision: 'full',
  infer: ([updates, ids], { rows }) => {
    if (!sameShape(updates.shape.slice(0, rank(ids)), ids.shape))
      throw new Error('the first axes of the updates must be those of the ids')
    return { dtype: updates.dtype, shape: [rows, ...updates.shape.slice(rank(ids))] }
  },
  gradient: ({ inputs: [, ids] }, dy) => [() => gather(dy, ids), null, () => dy],
  emit: (onnx, [updates, ids, base], node) => {
    const table = base ?? onnx.node('Expand', [emitRuntimeZero(onnx, ids), onnx.shape(node.shape)])
    if (onnx.target === 'webgpu') return emitScatterElements(onnx, updates, ids, table, node)
    const indices = onnx.node('Unsqueeze', [onnx.cast(ids, 'i64'), onnx.int64([-1])])
    return onnx.node('ScatterND', [table, indices, updates], { reduction: 'add' })
  },
}

/**
 * Emits a zero that is only known at run time. From a constant zero, ONNX Runtime would keep a table as large as the
 * vocabulary in every session.
 */
function emitRuntimeZero(onnx: Emitter, ids: string): string {
  const first = onnx.node('Gather', [onnx.node('Reshape', [ids, onnx.int64([-1])]), onnx.constant('i32', [1], [0])])
  return onnx.cast(onnx.node('Mul', [first, onnx.constant('i32', [1], [0])]), 'f32')
}

/** Emits the scatter with i32 indices: ScatterND requires i64, which WGSL does not have. */
function emitScatterElements(
  onnx: Emitter,
  updates: string,
  ids: string,
  table: string,
  { inputs: [, { shape }], ...node }: Tensor,
): string {
  const flat = [elementCount(shape), elementCount(node.shape.slice(1))] // [N, R]
  const reshape = (x: string, to: Shape) => onnx.node('Reshape', [x, onnx.shape(to)])
  const indices = onnx.node('Expand', [reshape(ids, [flat[0], 1]), onnx.shape(flat)])
  const rows = [reshape(table, [node.shape[0], flat[1]]), indices, reshape(updates, flat)]
  return reshape(onnx.node('ScatterElements', rows, { axis: 0, reduction: 'add' }), node.shape)
}

/** updates [..., E], ids [...] → zeros [rows, E] plus each row of updates at its id. The gradient of {@link gather}. */
export const scatterAdd = (updates: Tensor, ids: Tensor, rows: Dim): Tensor =>
  apply(scatterAddOp, [updates, ids], { rows })

/**
 * Adds two gradients. Two scatters become one, so that no table lives from the first to the last use of an embedding.
 * The rows of a single scatter are added to the other gradient directly, not to a table of zeros.
 */
export function addGradients(a: Tensor, b: Tensor): Tensor {
  const parts = [scatterParts(a), scatterParts(b)]
  if (parts[0] && parts[1]) return combineScatters([parts[0], parts[1]], a)
  const [scattered, other] = parts[1] ? [b, a] : [a, b]
  return scatterParts(scattered) ? apply(scatterAddOp, [...scattered.inputs, other], scattered.attributes) : add(a, b)
}

/** The updates [..., E] and ids [...] of a scatter. */
export interface ScatterParts {
  readonly updates: Tensor
  readonly ids: Tensor
}

/** Returns the parts of a scatter to a table of zeros, or undefined for any other tensor. */
export function scatterParts({ op, inputs }: Tensor): ScatterParts | undefined {
  if (op !== scatterAddOp || inputs.length !== 2) return undefined
  const [updates, ids] = inputs
  return { updates, ids }
}

function combineScatters(parts: readonly ScatterParts[], { shape }: Tensor): Tensor {
  const flat = parts.map((part) => flattenScatter(part, shape))
  const join = (pick: (part: ScatterParts) => Tensor) => concat(flat.map(pick), 0)
  return scatterAdd(
    join(({ updates }) => updates),
    join(({ ids }) => ids),
    shape[0],
  )
}

/** Returns the parts of a scatter to a table of this shape as updates [n, E] and ids [n]. */
export function flattenScatter({ updates, ids }: ScatterParts, table: Shape): ScatterParts {
  const count = elementCount(ids.shape)
  return { updates: reshape(updates, [count, ...table.slice(1)]), ids: reshape(ids, [count]) }
}
