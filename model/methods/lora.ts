import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { add, scale } from '../../graph/ops/elementwise.ts'
import { matmul } from '../../graph/ops/matmul.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { project } from '../linear.ts'
import { kaimingUniform, type Method, parameter, size, zeros } from '../method.ts'
import type { T5Config } from '../t5/config.ts'
import { type Linear, linears } from '../t5/tensors.ts'

const config = z.strictObject({
  rank: size.default(8).describe('width of the low-rank update'),
  alpha: z.number().positive().default(16).describe('the update is scaled by alpha / rank'),
  targets: z.array(z.string().min(1)).min(1).default(['q', 'v']).describe('names of the Linears that get an update'),
  rslora: z.boolean().default(false).describe('scale by alpha / sqrt(rank) (Kalajdzievski 2023)'),
})

export type LoraConfig = z.infer<typeof config>

/** LoRA (Hu et al. 2021, arXiv 2106.09685): y = W x + s B A x, where s = alpha / rank, or alpha / sqrt(rank) with rsLoRA. */
export const lora: Method<LoraConfig> = {
  name: 'lora',
  config,
  learningRate: 5e-3,
  parameters: ({ rank, targets }, t5) =>
    targeted(targets, t5).flatMap(({ name, inputs, outputs }) => [
      parameter(`${name}.lora_A`, [rank, inputs], kaimingUniform),
      parameter(`${name}.lora_B`, [outputs, rank], zeros),
    ]),
  edits: ({ rank, alpha, rslora }, theta) => {
    const scaling = alpha / (rslora ? Math.sqrt(rank) : rank)
    const withUpdate = (name: string, value: Tensor, update: (a: Tensor, b: Tensor) => Tensor): Tensor => {
      const [a, b] = [theta(`${name}.lora_A`), theta(`${name}.lora_B`)]
      return a && b ? add(value, update(a, b)) : value
    }
    // The scale is applied where there are R numbers, not E.
    return {
      linear: (name, x, y) => withUpdate(name, y, (a, b) => project(scale(project(x, a), scaling), b)),
      weight: (name, w) => withUpdate(name, w, (a, b) => matmul(scale(b, scaling), a)),
    }
  },
}

/** A target names every Linear that it equals or ends, at a dot: `q` each query, `SelfAttention.q` those of self-attention. */
function targeted(targets: readonly string[], t5: T5Config): Linear[] {
  const all = linears(t5)
  const hits = (target: string) => all.filter(({ name }) => name === target || name.endsWith(`.${target}`))
  for (const target of targets) {
    if (hits(target).length > 0) continue
    fail('method_invalid', {
      subject: `LoRA target ${target}`,
      expected: `the end of a Linear's name, such as ${[...new Set(all.map(({ name }) => name.slice(name.lastIndexOf('.') + 1)))].join(', ')}`,
      found: 'no Linear of this base',
      fix: 'Name other targets.',
    })
  }
  const chosen = new Set(targets.flatMap(hits))
  return all.filter((linear) => chosen.has(linear))
}
