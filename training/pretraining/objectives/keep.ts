import { z } from 'zod'
import { add, div, mul, scale, sub } from '../../../graph/ops/elementwise.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { reduceSum, reshape } from '../../../graph/ops/shape.ts'
import { logSoftmax, softmax } from '../../../graph/ops/softmax.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { combineEdits } from '../../../model/edits.ts'
import { weightInputs } from '../../../model/programs.ts'
import type { Forward, Objective, ObjectiveSetting } from './objective.ts'

export const keepConfig = z.strictObject({
  kind: z.literal('keep'),
  weight: z.number().positive().default(1),
  distribution: z
    .number()
    .min(0)
    .default(1)
    .describe('The factor of the first-step distribution, relative to the states.'),
})

/** The prefix of the weights with which pretraining started. */
const KEPT = 'kept.'

/**
 * Keeps what the model computed when pretraining started (learning without forgetting, Li and Hoiem 2017, arXiv
 * 1606.09282): the squared error of the encoder's states, relative to their mean square, and the Kullback-Leibler
 * divergence of the distribution at the decoder's first step.
 */
export function keep(
  { distribution }: z.infer<typeof keepConfig>,
  { name, base, model, pretraining }: ObjectiveSetting,
): Objective {
  const weights = input(`${name}.weights`, 'f32', ['batch', 1])
  return {
    heads: [],
    constants: Object.fromEntries([...base.tensors].map(([tensor, data]) => [`${KEPT}${tensor}`, data])),
    count: () => 1,
    loss({ context, states, mask }) {
      const inputs = weightInputs(model)
      const kept: Forward['context'] = {
        weight: (tensor) => keptInput(inputs.get(tensor) as Tensor),
        edits: combineEdits([]),
      }
      const old = pretraining.states(kept)
      const change = relativeError(states().tokens, old.tokens, mask, model.width)
      const shape = ['batch', model.vocabSize]
      const [before, after] = [pretraining.logits(old, kept), pretraining.logits(states(), context)].map((logits) =>
        reshape(logits, shape),
      )
      const divergence = reduceSum(mul(softmax(before), sub(logSoftmax(before), logSoftmax(after))), [1], true)
      return reduceSum(mul(add(change, scale(divergence, distribution)), weights))
    },
    inputs: (examples, _source, count) => ({
      feeds: { [`${name}.weights`]: new Float32Array(examples.length).fill(1 / count) },
      symbols: {},
    }),
  }
}

const keptInput = ({ attributes, shape }: Tensor): Tensor =>
  input(`${KEPT}${(attributes as { name: string }).name}`, 'f32', shape)

/**
 * Returns, for each segment, the mean squared difference of its states divided by the width. The final norm of the
 * encoder gives the states a mean square near 1, so this is a relative error.
 * @returns [B, 1]
 */
function relativeError(states: Tensor, old: Tensor, mask: Tensor, width: number): Tensor {
  const difference = sub(states, old)
  const weights = reshape(mask, [...mask.shape, 1])
  const squares = reduceSum(mul(mul(difference, difference), weights), [1, 2]) // [B]
  return div(reshape(scale(squares, 1 / width), ['batch', 1]), reduceSum(mask, [1], true))
}
