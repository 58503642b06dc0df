import { apply } from '../op.ts'
import type { Op, Tensor } from '../tensor.ts'
import { rank } from '../types.ts'
import { add, mul, sub } from './elementwise.ts'
import { matmul } from './matmul.ts'
import { reduceSum, sumToShape } from './shape.ts'
import { softmax } from './softmax.ts'

/**
 * Attention with the inputs q, k, v, bias, p and, with dropout, keep. The probabilities p = softmax(q kᵀ + bias) are an
 * input, so that the backward pass reuses the tensor of the forward pass and no second tensor of that size is saved:
 * dS = P ∘ (dP − rowsum(dO ∘ O)) (Dao et al. 2022, arXiv 2205.14135, section 3.1).
 */
export const attentionOp: Op<null> = {
  name: 'attention',
  precision: 'half',
  infer: ([q, k, v, , p]) => {
    if (rank(q) !== 4 || rank(k) !== 4 || rank(v) !== 4) throw new Error('q, k and v must have four axes')
    return { dtype: q.dtype, shape: [...p.shape.slice(0, -1), v.shape[rank(v) - 1]] }
  },
  gradient: (o, dy) => {
    const [q, k, v, bias, p, keep] = o.inputs
    const maskedP = keep ? mul(p, keep) : p
    const dScores = () => {
      const dp = matmul(dy, v, { transposeB: true })
      return mul(p, sub(keep ? mul(dp, keep) : dp, reduceSum(mul(dy, o), [-1], true)))
    }
    return [
      () => sumToShape(matmul(dScores(), k), q.shape),
      () => sumToShape(matmul(dScores(), q, { transposeA: true }), k.shape),
      () => sumToShape(matmul(maskedP, dy, { transposeA: true }), v.shape),
      () => sumToShape(dScores(), bias.shape),
      null,
      null,
    ].slice(0, o.inputs.length)
  },
  emit: (onnx, [, , v, , p, keep], { inputs: [, , value, , probabilities] }) =>
    onnx.matmul(keep ? onnx.node('Mul', [p, keep]) : p, v, probabilities, value, {
      transposeA: false,
      transposeB: false,
    }),
}

/**
 * q [B, H, T, D], k [B, H, S, D], v [B, H, S, D], bias broadcasting to [B, H, T, S] → [B, H, T, D]. As in T5, the
 * scores are not scaled.
 * @param keep a dropout mask over the probabilities, already divided by the keep probability. Defaults to no dropout.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, keep?: Tensor): Tensor {
  const p = softmax(add(matmul(q, k, { transposeB: true }), bias))
  return apply(attentionOp, [q, k, v, bias, p, ...(keep ? [keep] : [])], null)
}
