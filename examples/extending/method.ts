// A tuning method that rescales the outputs of some Linears. ../custom-method.ts trains it.
import { z } from 'zod'
import { add, mul } from '../../graph/ops/elementwise.ts'
import { reshape } from '../../graph/ops/shape.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { rank } from '../../graph/types.ts'
import { type Method, parameter, zeros } from '../../model/method.ts'

// #region config
const config = z.strictObject({
  targets: z
    .array(z.string().min(1))
    .min(1)
    .default(['k', 'v', 'wi'])
    .describe('Linears to rescale, by the end of their names'),
})
// #endregion

// #region method
/**
 * A relative of IA3 (Liu et al. 2022, arXiv 2205.05638): y = (1 + l) ∘ (W x). It stores the difference of a factor from
 * 1, so that weight decay pulls factors towards 1.
 */
export const rescale: Method<z.infer<typeof config>> = {
  name: 'rescale',
  config,
  learningRate: 0.1,
  parameters: ({ targets }, { linears }) =>
    linears
      .filter(({ name }) => targets.some((target) => name.endsWith(`.${target}`)))
      .map(({ name, outputs }) => parameter(`${name}.factors`, [outputs], zeros)),
  edits: (_, theta) => {
    const scaled = (name: string, x: Tensor, toShapeOf: (l: Tensor) => Tensor): Tensor => {
      const l = theta(`${name}.factors`) // [outputs], or [B, outputs] if each row has its own
      return l ? add(x, mul(x, toShapeOf(l))) : x
    }
    return {
      // y [B, S, outputs]
      linear: (name, _x, y) => scaled(name, y, (l) => (rank(l) === 1 ? l : reshape(l, [l.shape[0], 1, l.shape[1]]))),
      // w [outputs, inputs]
      weight: (name, w) => scaled(name, w, (l) => reshape(l, [...l.shape, 1])),
    }
  },
}
// #endregion
