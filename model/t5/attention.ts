import { attention } from '../../graph/ops/attention.ts'
import { add, mul } from '../../graph/ops/elementwise.ts'
import { matmul } from '../../graph/ops/matmul.ts'
import { reshape, transpose } from '../../graph/ops/shape.ts'
import { softmax } from '../../graph/ops/softmax.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { rank } from '../../graph/types.ts'
import type { Context } from '../context.ts'
import { project } from '../linear.ts'

/** y = W x, as the method has changed it. */
export function linear(name: string, x: Tensor, { weight, edits }: Context): Tensor {
  return edits.linear(name, x, project(x, weight(`${name}.weight`)))
}

/** Self-attention of x [B, T, E] with an additive bias [B or 1, H, T, T] → [B, T, E]. */
export function selfAttention(name: string, x: Tensor, bias: Tensor, context: Context): Tensor {
  const [q, k, v] = ['q', 'k', 'v'].map((part) => splitHeads(linear(`${name}.${part}`, x, context), context)) // [B, H, T, D]
  const keep = context.dropout?.mask([...q.shape.slice(0, 3), k.shape[2]])
  return linear(`${name}.o`, mergeHeads(attention(q, k, v, bias, keep)), context)
}

/**
 * Cross-attention of the decoder's x [B, T, E] over the encoder's y [B, S, E], mask bias [B, 1, S] → [B, T, E].
 * With few decoder rows the keys and values of S positions need not be made: q · (W_k y) = (W_kᵀ q) · y, and W_v is applied after
 * the weighted sum. S·E² of work a layer becomes T·H·S·E.
 */
export function absorbedCrossAttention(name: string, x: Tensor, y: Tensor, maskBias: Tensor, context: Context): Tensor {
  const [b, t] = x.shape
  const { numHeads: h, dModel: e } = context.t5
  const heads = (part: string) =>
    headWeights(context.edits.weight(`${name}.${part}`, context.weight(`${name}.${part}.weight`)), context)
  const q = splitHeads(linear(`${name}.q`, x, context), context) // [B, H, T, D]
  const absorbed = reshape(matmul(q, heads('k')), [b, h * Number(t), e]) // [B, H·T, E]
  const p = softmax(add(matmul(absorbed, y, { transposeB: true }), maskBias)) // [B, H·T, S]
  const keep = context.dropout?.mask(p.shape)
  const sums = reshape(matmul(keep ? mul(p, keep) : p, y), [b, h, t, e]) // [B, H, T, E]
  const values = matmul(sums, heads('v'), { transposeB: true }) // [B, H, T, D]
  return linear(`${name}.o`, mergeHeads(values), context)
}

/** [B, T, H·D] → [B, H, T, D] */
function splitHeads(x: Tensor, { t5 }: Context): Tensor {
  return transpose(reshape(x, [...x.shape.slice(0, 2), t5.numHeads, t5.dKv]), [0, 2, 1, 3])
}

/** [B, H, T, D] → [B, T, H·D] */
function mergeHeads(x: Tensor): Tensor {
  const [b, h, t, d] = x.shape
  return reshape(transpose(x, [0, 2, 1, 3]), [b, t, Number(h) * Number(d)])
}

/** W [H·D, E], or one a row [B, H·D, E] → [.., H, D, E] */
function headWeights(w: Tensor, { t5 }: Context): Tensor {
  return reshape(w, [...w.shape.slice(0, rank(w) - 2), t5.numHeads, t5.dKv, t5.dModel])
}
