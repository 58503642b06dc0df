import { add } from '../graph/ops/elementwise.ts'
import { matmul } from '../graph/ops/matmul.ts'
import { quantizedLinear } from '../graph/ops/quantized-linear.ts'
import { reshape } from '../graph/ops/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import { rank } from '../graph/types.ts'
import type { Context } from './context.ts'

/** W x: x [B, S, in], W [out, in], or one for each row [B, out, in] -> [B, S, out]. */
export const linear = (x: Tensor, w: Tensor): Tensor => matmul(x, w, { transposeB: true })

/** W x of a Linear of the model, with its int8 weights if it has them: x [B, S, in] -> [B, S, out]. */
export function baseLinear(name: string, x: Tensor, { weight, quantized }: Context): Tensor {
  const weights = quantized?.(name)
  return weights ? quantizedLinear(x, weights) : linear(x, weight(`${name}.weight`))
}

/** y + bias: y [B, S, out], bias [out], or one for each row [B, out] -> [B, S, out]. */
export const addBias = (y: Tensor, bias: Tensor): Tensor =>
  add(y, rank(bias) === 1 ? bias : reshape(bias, [bias.shape[0], 1, bias.shape[1]]))
