import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { add, scale } from '../../graph/ops/elementwise.ts'
import { matmul } from '../../graph/ops/matmul.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Model } from '../architecture.ts'
import { linear } from '../linear.ts'
import { kaimingUniform, type Method, parameter, size, zeros } from '../method.ts'
import type { Linear } from '../modules.ts'

const config = z.strictObject({
  rank: size.default(8).describe('rank of the update'),
  alpha: z.number().positive().default(16).describe('scale: the update is multiplied by alpha / rank'),
  targets: z
    .array(z.string().min(1))
    .min(1)
    .default(['q', 'v'])
    .describe('Linears to update, by the end of their names'),
  rslora: z.boolean().default(false).describe('scale by alpha / sqrt(rank) (Kalajdzievski 2023)'),
})

export type LoraConfig = z.infer<typeof config>

/**
 * LoRA (Hu et al. 2021, arXiv 2106.09685): y = W x + s B A x, with s = alpha / rank, or alpha / sqrt(rank) with rsLoRA.
 */
export const lora: Method<LoraConfig> = {
  name: 'lora',
  config,
  learningRate: 5e-3,
  parameters: ({ rank, targets }, model) =>
    findTargets(targets, model).flatMap(({ name, inputs, outputs }) => [
      parameter(`${name}.lora_A`, [rank, inputs], kaimingUniform),
      parameter(`${name}.lora_B`, [outputs, rank], zeros),
    ]),
  edits: ({ rank, alpha, rslora }, theta) => {
    const scaling = alpha / (rslora ? Math.sqrt(rank) : rank)
    const withUpdate = (name: string, value: Tensor, update: (a: Tensor, b: Tensor) => Tensor): Tensor => {
      const [a, b] = [theta(`${name}.lora_A`), theta(`${name}.lora_B`)]
      return a && b ? add(value, update(a, b)) : value
    }
    // Scaling R numbers is cheaper than scaling E.
    return {
      linear: (name, x, y) => withUpdate(name, y, (a, b) => linear(scale(linear(x, a), scaling), b)),
      weight: (name, w) => withUpdate(name, w, (a, b) => matmul(scale(b, scaling), a)),
    }
  },
}

/**
 * Returns the Linears whose names equal a target or end in it after a dot: `q` matches the queries of every attention,
 * `SelfAttention.q` only those of self-attention.
 */
function findTargets(targets: readonly string[], { linears: all }: Model): Linear[] {
  const matches = (target: string) => all.filter(({ name }) => name === target || name.endsWith(`.${target}`))
  for (const target of targets) {
    if (matches(target).length > 0) continue
    fail('method_invalid', {
      subject: `LoRA target ${target}`,
      problem: 'does not match the name of any Linear of the base',
      fix: `Choose from ${[...new Set(all.map(({ name }) => name.slice(name.lastIndexOf('.') + 1)))].join(', ')}.`,
    })
  }
  const chosen = new Set(targets.flatMap(matches))
  return all.filter((linear) => chosen.has(linear))
}
