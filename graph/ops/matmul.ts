import { elements } from '../dim.ts'
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
    if (rank(a) < 2 || rank(b) < 2) throw new Error('both sides need at least two axes')
    const [m, k] = lastTwo(a, transposeA)
    const [k2, n] = lastTwo(b, transposeB)
    if (k !== k2) throw new Error(`inner sizes ${k} and ${k2} differ`)
    return { dtype: a.dtype, shape: [...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n] }
  },
  gradient: ({ inputs: [a, b], attributes: { transposeA, transposeB } }, dy) => [
    () => (transposeA ? product(b, dy, transposeB, true, a) : product(dy, b, false, !transposeB, a)),
    () => (transposeB ? product(dy, a, true, transposeA, b) : product(a, dy, !transposeA, false, b)),
  ],
  emit: (onnx, [a, b], { inputs, attributes }) => onnx.matmul(a, b, inputs[0], inputs[1], attributes),
}

/** a [..., M, K] · b [..., K, N] → [..., M, N]; the leading axes broadcast, and either side may come transposed. */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: Partial<Transposes> = {},
): Tensor {
  return apply(matmulOp, [a, b], { transposeA, transposeB })
}

/** The gradient for `like`: a matrix that met many rows sums over them inside one product, not after it. */
function product(p: Tensor, q: Tensor, transposeA: boolean, transposeB: boolean, like: Tensor): Tensor {
  const extra = rank(p) - rank(like)
  if (extra > 0 && transposeA && !transposeB && sameShape(p.shape.slice(0, -1), q.shape.slice(0, -1)))
    return matmul(intoRows(p, extra), intoRows(q, extra), { transposeA })
  return sumToShape(matmul(p, q, { transposeA, transposeB }), like.shape)
}

/** Moves the first axes into the rows: [B, H, T, D] → [H, B·T, D]. */
function intoRows(x: Tensor, extra: number): Tensor {
  const axes = x.shape.map((_, i) => i)
  const kept = axes.slice(extra, -2)
  const turned = kept.length > 0 ? transpose(x, [...kept, ...axes.slice(0, extra), ...axes.slice(-2)]) : x
  return reshape(turned, [
    ...kept.map((i) => x.shape[i]),
    elements(x.shape.slice(0, extra).concat(x.shape.at(-2) as Dim)),
    x.shape.at(-1) as Dim,
  ])
}

function lastTwo(x: Tensor, transposed: boolean) {
  const [m, n] = x.shape.slice(-2)
  return transposed ? [n, m] : [m, n]
}
