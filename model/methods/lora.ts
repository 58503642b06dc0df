import { z } from 'zod'
import { add, detach, div, mul, scale, sqrt } from '../../graph/ops/elementwise.ts'
import { matmul } from '../../graph/ops/matmul.ts'
import { reduceSum, reshape } from '../../graph/ops/shape.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { linear } from '../linear.ts'
import { kaimingUniform, type Method, parameter, size, zeros } from '../method.ts'
import { findTargets, targetNames, valueFor, valuesByTarget } from '../targets.ts'

const config = z.strictObject({
  rank: size.default(8).describe('rank of the update'),
  alpha: z.number().positive().default(16).describe('scale: the update is multiplied by alpha / rank'),
  ranks: valuesByTarget(size).describe('ranks of some Linears, by the end of their names: SelfAttention.q=4,v=16'),
  alphas: valuesByTarget(z.number().positive()).describe('alphas of some Linears, like ranks'),
  targets: targetNames.default(['q', 'v']).describe('Linears to update, by the end of their names'),
  dora: z
    .boolean()
    .default(false)
    .describe('train the length of each row of W apart from its direction (Liu et al. 2024)'),
  rslora: z.boolean().default(false).describe('scale by alpha / sqrt(rank) (Kalajdzievski 2023)'),
})

export type LoraConfig = z.infer<typeof config>

/**
 * LoRA (Hu et al. 2021, arXiv 2106.09685): y = W x + s B A x, with s = alpha / rank, or alpha / sqrt(rank) with rsLoRA.
 *
 * With DoRA (Liu et al. 2024, arXiv 2402.09353), y = (m / n) ∘ (W x + s B A x), where m is trained and n is the length
 * of each row of W + s B A. As in the paper's section 4.3, no gradient flows through n.
 */
export const lora: Method<LoraConfig> = {
  name: 'lora',
  config,
  learningRate: 5e-3,
  merges: true,
  needsOwnBatch: ({ dora }) => dora,
  parameters(config, model) {
    // Throws if one of these matches no Linear.
    findTargets([...Object.keys(config.ranks ?? {}), ...Object.keys(config.alphas ?? {})], model)
    return findTargets(config.targets, model).flatMap(({ name, inputs, outputs }) => {
      const rank = rankOf(config, name)
      return [
        parameter(`${name}.lora_A`, [rank, inputs], kaimingUniform),
        parameter(`${name}.lora_B`, [outputs, rank], zeros),
        ...(config.dora
          ? [parameter(magnitudeOf(name), [outputs], (_, _random, base) => rowLengths(base(weightOf(name)), inputs))]
          : []),
      ]
    })
  },
  edits: (config, theta, _model, weight) => {
    const edit = (
      name: string,
      value: Tensor,
      update: (a: Tensor, b: Tensor) => Tensor,
      toShapeOf: (factors: Tensor) => Tensor,
    ): Tensor => {
      const [a, b, m] = [theta(`${name}.lora_A`), theta(`${name}.lora_B`), theta(magnitudeOf(name))]
      if (!a || !b) return value
      const updated = add(value, update(a, b))
      if (!m) return updated
      const w = weight?.(weightOf(name))
      if (!w) throw new Error('DoRA reads weights of the base, so its rows cannot share a batch')
      const whole = add(w, matmul(scale(b, scalingOf(config, name)), a)) // [out, in]
      const n = detach(sqrt(reduceSum(mul(whole, whole), [1]))) // [out]
      return mul(updated, toShapeOf(div(m, n)))
    }
    return {
      // Scaling R numbers is cheaper than scaling E.
      linear: (name, x, y) =>
        edit(
          name,
          y,
          (a, b) => linear(scale(linear(x, a), scalingOf(config, name)), b),
          (factors) => factors,
        ),
      weight: (name, w) =>
        edit(
          name,
          w,
          (a, b) => matmul(scale(b, scalingOf(config, name)), a),
          (factors) => reshape(factors, [factors.shape[0], 1]),
        ),
    }
  },
}

const rankOf = ({ rank, ranks }: LoraConfig, name: string): number => valueFor(ranks, name) ?? rank

/** Returns the scale s of a Linear's update. */
function scalingOf(config: LoraConfig, name: string): number {
  const rank = rankOf(config, name)
  return (valueFor(config.alphas, name) ?? config.alpha) / (config.rslora ? Math.sqrt(rank) : rank)
}

const weightOf = (name: string): string => `${name}.weight`
const magnitudeOf = (name: string): string => `${name}.lora_magnitude_vector`

/** Returns the length of each row of W [outputs, inputs]. */
function rowLengths(w: Float32Array, inputs: number): Float32Array {
  return Float32Array.from({ length: w.length / inputs }, (_, row) => {
    let sum = 0
    for (const value of w.subarray(row * inputs, (row + 1) * inputs)) sum += value * value
    return Math.sqrt(sum)
  })
}
