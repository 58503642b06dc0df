import { elementCount } from '../dim.ts'
import { apply } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import { type Dim, rank } from '../types.ts'
import { broadcast, reshape, sameShape, sumToShape, transpose } from './shape.ts'

interface Transposes {
  transposeA: boolean
  transposeB: boolean
}

export const matmulOp: Op<Transposes> = {
  name: 'matmul',
  precision: 'half',
  infer: ([a, b], { transposeA, transposeB }) => {
    if (rank(a) < 2 || rank(b) < 2) throw new Error('both sides must have at least two axes')
    const [m, k] = matrixSizes(a, transposeA)
    const [k2, n] = matrixSizes(b, transposeB)
    if (k !== k2) throw new Error(`inner sizes ${k} and ${k2} differ`)
    return { dtype: a.dtype, shape: [...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n] }
  },
  gradient: ({ inputs: [a, b], attributes: { transposeA, transposeB } }, dy) => [
    () => (transposeA ? matmulGradient(b, dy, transposeB, true, a) : matmulGradient(dy, b, false, !transposeB, a)),
    () => (transposeB ? matmulGradient(dy, a, true, transposeA, b) : matmulGradient(a, dy, !transposeA, false, b)),
  ],
  emit: (onnx, [a, b], { inputs, attributes }) => onnx.matmul(a, b, inputs[0], inputs[1], attributes),
}

/** a [..., M, K] · b [..., K, N] → [..., M, N]. The leading axes broadcast, and either side may be given transposed. */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: Partial<Transposes> = {},
): Tensor {
  return apply(matmulOp, [a, b], { transposeA, transposeB })
}

/**
 * Returns the gradient for `like`. If `like` was broadcast over leading axes, their sum is part of the product, not a
 * separate op.
 */
function matmulGradient(p: Tensor, q: Tensor, transposeA: boolean, transposeB: boolean, like: Tensor): Tensor {
  const extra = rank(p) - rank(like)
  if (extra > 0 && transposeA && !transposeB && sameShape(p.shape.slice(0, -1), q.shape.slice(0, -1)))
    return matmul(foldIntoRows(p, extra), foldIntoRows(q, extra), { transposeA })
  return sumToShape(matmul(p, q, { transposeA, transposeB }), like.shape)
}

/** Moves the first `extra` axes into the rows: [B, H, T, D] → [H, B·T, D] for one axis. */
function foldIntoRows(x: Tensor, extra: number): Tensor {
  const axes = x.shape.map((_, i) => i)
  const batchAxes = axes.slice(extra, -2)
  const transposed = batchAxes.length > 0 ? transpose(x, [...batchAxes, ...axes.slice(0, extra), ...axes.slice(-2)]) : x
  return reshape(transposed, [
    ...batchAxes.map((i) => x.shape[i]),
    elementCount(x.shape.slice(0, extra).concat(x.shape.at(-2) as Dim)),
    x.shape.at(-1) as Dim,
  ])
}

function matrixSizes(x: Tensor, transposed: boolean) {
  const [m, n] = x.shape.slice(-2)
  return transposed ? [n, m] : [m, n]
}
