import { add } from '../graph/ops/elementwise.ts'
import { matmul } from '../graph/ops/matmul.ts'
import { reshape } from '../graph/ops/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import { rank } from '../graph/types.ts'

/** x [B, S, in], W [out, in], or one a row [B, out, in] → W x [B, S, out] */
export const project = (x: Tensor, w: Tensor): Tensor => matmul(x, w, { transposeB: true })

/** y [B, S, out], bias [out], or one a row [B, out] → y + bias */
export const addBias = (y: Tensor, bias: Tensor): Tensor =>
  add(y, rank(bias) === 1 ? bias : reshape(bias, [bias.shape[0], 1, bias.shape[1]]))
