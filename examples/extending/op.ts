// An op: the exponential function, which the tensor language does not have.
import { apply } from '../../graph/op.ts'
import { mul } from '../../graph/ops/elementwise.ts'
import type { Op, Tensor } from '../../graph/tensor.ts'

// #region op
export const expOp: Op<null> = {
  name: 'exp',
  // In f16, exp(12) overflows.
  precision: 'full',
  infer: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
  gradient: (y, dy) => [() => mul(dy, y)],
  emit: (onnx, inputs) => onnx.node('Exp', inputs),
}

/** e to the power of x. */
export const exp = (x: Tensor): Tensor => apply(expOp, [x], null)
// #endregion
