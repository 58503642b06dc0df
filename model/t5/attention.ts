import { attention } from '../../graph/ops/attention.ts'
import { add, mul } from '../../graph/ops/elementwise.ts'
import { matmul } from '../../graph/ops/matmul.ts'
import { reshape, transpose } from '../../graph/ops/shape.ts'
import { softmax } from '../../graph/ops/softmax.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { rank } from '../../graph/types.ts'
import type { KeysAndValues } from '../architecture.ts'
import { baseLinear, linear } from '../linear.ts'
import type { T5Context } from './context.ts'

/** Applies a Linear, y = W x, with the changes of the tuning method. */
export function adaptedLinear(name: string, x: Tensor, context: T5Context): Tensor {
  const input = context.edits.linearInput(name, x)
  return context.edits.linear(name, input, baseLinear(name, input, context))
}

/**
 * Self-attention: x [B, T, E], additive bias [B or 1, H, T, n + T] -> [B, T, E], where n positions come before those of
 * x.
 */
export function selfAttention(name: string, x: Tensor, bias: Tensor, context: T5Context): Tensor {
  return attend(name, x, prefixed(name, keysAndValues(name, x, context), context), bias, context)
}

/** The keys and values of an attention's own positions: x [B, T, E] -> [B, H, T, D] each. */
export function keysAndValues(name: string, x: Tensor, context: T5Context): KeysAndValues {
  const project = (part: string) => splitHeads(adaptedLinear(`${name}.${part}`, x, context), context)
  return { key: project('k'), value: project('v') }
}

/** Adds the keys and values that the tuning method puts before those of the decoder: [B, H, n + T, D] each. */
export function prefixed(name: string, { key, value }: KeysAndValues, { edits }: T5Context): KeysAndValues {
  const [keys, values] = edits.keysAndValues(name, key, value)
  return { key: keys, value: values }
}

/** Attends to keys and values [B, H, K, D]: x [B, T, E], additive bias broadcasting to [B, H, T, K] -> [B, T, E]. */
export function attend(
  name: string,
  x: Tensor,
  { key, value }: KeysAndValues,
  bias: Tensor,
  context: T5Context,
): Tensor {
  const q = splitHeads(adaptedLinear(`${name}.q`, x, context), context) // [B, H, T, D]
  const keep = context.dropout?.mask([...q.shape.slice(0, 3), key.shape[2]])
  return adaptedLinear(`${name}.o`, mergeHeads(attention(q, key, value, bias, keep)), context)
}

/** The keys and values of cross-attention, for a decoder that takes many steps: y [B, S, E] -> [B, H, S, D] each. */
export function crossKeysAndValues(name: string, y: Tensor, { edits, ...context }: T5Context): KeysAndValues {
  const project = (part: string) =>
    splitHeads(linear(y, edits.weight(`${name}.${part}`, context.weight(`${name}.${part}.weight`))), context)
  return { key: project('k'), value: project('v') }
}

/**
 * Cross-attention: decoder x [B, T, E], encoder y [B, S, E], mask bias [B, 1, S] -> [B, T, E].
 *
 * With few decoder rows, the keys and values of the S source positions need not be computed: q · (W_k y) = (W_kᵀ q) ·
 * y, and W_v can be applied after the weighted sum. The work for each layer falls from S·E² to T·H·S·E.
 */
export function absorbedCrossAttention(
  name: string,
  x: Tensor,
  y: Tensor,
  maskBias: Tensor,
  context: T5Context,
): Tensor {
  const [b, t] = x.shape
  const { numHeads: h, dModel: e } = context.t5
  const heads = (part: string) =>
    headWeights(context.edits.weight(`${name}.${part}`, context.weight(`${name}.${part}.weight`)), context)
  const q = splitHeads(adaptedLinear(`${name}.q`, x, context), context) // [B, H, T, D]
  const absorbed = reshape(matmul(q, heads('k')), [b, h * Number(t), e]) // [B, H·T, E]
  const p = softmax(add(matmul(absorbed, y, { transposeB: true }), maskBias)) // [B, H·T, S]
  const keep = context.dropout?.mask(p.shape)
  const sums = reshape(matmul(keep ? mul(p, keep) : p, y), [b, h, t, e]) // [B, H, T, E]
  const values = matmul(sums, heads('v'), { transposeB: true }) // [B, H, T, D]
  return adaptedLinear(`${name}.o`, mergeHeads(values), context)
}

/** [B, T, H·D] -> [B, H, T, D] */
function splitHeads(x: Tensor, { t5 }: Pick<T5Context, 't5'>): Tensor {
  return transpose(reshape(x, [...x.shape.slice(0, 2), t5.numHeads, t5.dKv]), [0, 2, 1, 3])
}

/** [B, H, T, D] -> [B, T, H·D] */
function mergeHeads(x: Tensor): Tensor {
  const [b, h, t, d] = x.shape
  return reshape(transpose(x, [0, 2, 1, 3]), [b, t, Number(h) * Number(d)])
}

/** W [H·D, E], or one for each row [B, H·D, E] -> [.., H, D, E] */
function headWeights(w: Tensor, { t5 }: T5Context): Tensor {
  return reshape(w, [...w.shape.slice(0, rank(w) - 2), t5.numHeads, t5.dKv, t5.dModel])
}
