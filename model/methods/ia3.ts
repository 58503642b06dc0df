import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { mul } from '../../graph/ops/elementwise.ts'
import { reshape } from '../../graph/ops/shape.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { rank } from '../../graph/types.ts'
import { type Method, parameter } from '../method.ts'
import { anyTargets, findTargets, isTarget, targetNames } from '../targets.ts'
import { sizeOfShape } from '../tensor-shapes.ts'

const config = z.strictObject({
  targets: targetNames.default(['k', 'v', 'wo']).describe('Linears to scale, by the end of their names'),
  feedforward: anyTargets
    .default(['wo'])
    .describe('those of the targets whose inputs are scaled instead of their outputs'),
})

export type Ia3Config = z.infer<typeof config>

/**
 * IA3 (Liu et al. 2022, arXiv 2205.05638): y = l ∘ (W x), or y = W (l ∘ x) for the Linears in `feedforward`. A factor
 * starts at 1.
 */
export const ia3: Method<Ia3Config> = {
  name: 'ia3',
  config,
  learningRate: 0.1,
  merges: true,
  parameters({ targets, feedforward }, model) {
    const scalesInput = isTarget(feedforward)
    return findTargets(targets, model).map((linear) => {
      if (scalesInput(linear) && linear.absorbed) throwAbsorbed(linear.name)
      const shape = scalesInput(linear) ? [1, linear.inputs] : [linear.outputs, 1]
      return parameter(`${linear.name}.ia3_l`, shape, () => new Float32Array(sizeOfShape(shape)).fill(1))
    })
  },
  edits({ feedforward }, theta) {
    const scalesInput = isTarget(feedforward)
    // [outputs, 1] or [1, inputs] -> [size], and with rows [B, 1, size]
    const overPositions = (l: Tensor): Tensor => {
      const size = Number(l.shape.at(-1)) * Number(l.shape.at(-2))
      return reshape(l, rank(l) === 2 ? [size] : [l.shape[0], 1, size])
    }
    const scaled = (name: string, value: Tensor, toShapeOf: (l: Tensor) => Tensor): Tensor => {
      const l = theta(`${name}.ia3_l`)
      return l ? mul(value, toShapeOf(l)) : value
    }
    return {
      linearInput: (name, x) => (scalesInput({ name }) ? scaled(name, x, overPositions) : x),
      linear: (name, _x, y) => (scalesInput({ name }) ? y : scaled(name, y, overPositions)),
      weight: (name, w) => scaled(name, w, (l) => l),
    }
  },
}

function throwAbsorbed(name: string): never {
  fail('method_invalid', {
    subject: `feedforward, ${name}`,
    problem: 'is a Linear that is absorbed into the products beside it, so its inputs cannot be scaled',
    fix: 'Leave it out of feedforward: its outputs are then scaled.',
  })
}
