import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { add, gelu, relu, scale, silu } from '../../graph/ops/elementwise.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Model } from '../architecture.ts'
import { addBias, linear } from '../linear.ts'
import { type Initial, kaimingUniform, type Method, normal, parameter, size, zeros } from '../method.ts'
import type { Linear, SubLayer } from '../modules.ts'
import { findTargets, targetNames } from '../targets.ts'

const activations = { relu, gelu, silu }

const config = z.strictObject({
  bottleneck: size.default(8).describe('width of the bottleneck'),
  variant: z
    .enum(['seq_bn', 'double_seq_bn', 'par_bn', 'opendelta'])
    .default('seq_bn')
    .describe("AdapterHub's seq_bn (Pfeiffer), double_seq_bn (Houlsby) or par_bn (parallel), or OpenDelta's adapter"),
  cross_attention: z
    .boolean()
    .default(false)
    .describe("add an adapter after cross-attention as well (AdapterHub's cross_adapter)"),
  targets: targetNames
    .optional()
    .describe('opendelta only: Linears to adapt, by the end of their names; defaults to the last of each sub-layer'),
  activation: z
    .enum(['relu', 'gelu', 'silu'])
    .optional()
    .describe("defaults to the variant's own; gelu is the tanh approximation"),
  scaling: z
    .number()
    .positive()
    .max(1000)
    .optional()
    .describe("factor of what the adapter adds; defaults to the variant's own: 4 for par_bn, 1 for the others"),
})

export type BottleneckConfig = z.infer<typeof config>

interface Variant {
  kinds: readonly SubLayer['kind'][]
  activation: keyof typeof activations
  scaling: number
  /** The initial values of D and U. */
  initial: readonly [down: Initial, up: Initial]
  /** The input of the bottleneck: f, h + f, or h. */
  reads: 'output' | 'sum' | 'input'
}

const bothNormal = (deviation: number) => [normal(deviation), normal(deviation)] as const

const variants: Record<BottleneckConfig['variant'], Variant> = {
  seq_bn: { kinds: ['feedForward'], activation: 'relu', scaling: 1, initial: bothNormal(0.02), reads: 'sum' },
  double_seq_bn: {
    kinds: ['selfAttention', 'feedForward'],
    activation: 'silu',
    scaling: 1,
    initial: bothNormal(0.02),
    reads: 'output',
  },
  par_bn: { kinds: ['feedForward'], activation: 'relu', scaling: 4, initial: [kaimingUniform, zeros], reads: 'input' },
  opendelta: {
    kinds: ['selfAttention', 'feedForward'],
    activation: 'gelu',
    scaling: 1,
    initial: bothNormal(0.01),
    reads: 'output',
  },
}

/**
 * Bottleneck adapters: f + s U act(D f) on the output f of a sub-layer with input h, where D projects down to the
 * bottleneck, U projects up again, and s is a factor. Variants: `double_seq_bn` (Houlsby et al. 2019, arXiv
 * 1902.00751); `seq_bn` (Pfeiffer et al. 2021, arXiv 2005.00247), which reads f + h; `par_bn` (He et al. 2022, arXiv
 * 2110.04366), which reads h; `opendelta` (Hu et al. 2023, arXiv 2307.03084), which adapts the last Linear of a
 * sub-layer, before dropout.
 */
export const bottleneck: Method<BottleneckConfig> = {
  name: 'bottleneck',
  config,
  learningRate: 3e-3,
  parameters: (options, model) =>
    placesOf(options, model).flatMap(({ place, width: e }) => {
      const r = options.bottleneck
      const [down, up] = variants[options.variant].initial
      return [
        parameter(`${place}.adapter_down.weight`, [r, e], down),
        parameter(`${place}.adapter_down.bias`, [r], zeros),
        parameter(`${place}.adapter_up.weight`, [e, r], up),
        parameter(`${place}.adapter_up.bias`, [e], zeros),
      ]
    }),
  edits: (options, theta) => {
    const variant = variants[options.variant]
    const activate = activations[options.activation ?? variant.activation]
    const factor = options.scaling ?? variant.scaling
    const adapt = (place: string, x: Tensor, f: Tensor): Tensor => {
      const [down, downBias, up, upBias] = ['down.weight', 'down.bias', 'up.weight', 'up.bias'].map((part) =>
        theta(`${place}.adapter_${part}`),
      )
      if (!down || !downBias || !up || !upBias) return f
      const change = addBias(linear(activate(addBias(linear(x, down), downBias)), up), upBias) // [B, S, E]
      return add(f, factor === 1 ? change : scale(change, factor))
    }
    const inputOf = {
      output: (_: Tensor, f: Tensor) => f,
      sum: (h: Tensor, f: Tensor) => add(h, f),
      input: (h: Tensor) => h,
    }[variant.reads]
    return options.variant === 'opendelta'
      ? { linear: (name, _, y) => adapt(name, y, y) }
      : { output: ({ name }, h, f) => adapt(name, inputOf(h, f), f) }
  },
}

/** The prefix of an adapter's tensors, and the width of what it reads. */
interface Place {
  place: string
  width: number
}

function placesOf({ variant, cross_attention, targets }: BottleneckConfig, model: Model): Place[] {
  const { kinds } = variants[variant]
  if (targets !== undefined) {
    if (variant !== 'opendelta') throwTargets(variant)
    return findTargets(targets, model).map(toPlace)
  }
  const layers = model.subLayers.filter(
    ({ kind }) => kinds.includes(kind) || (cross_attention && kind === 'crossAttention'),
  )
  return layers.map(({ name, output }) => ({ place: variant === 'opendelta' ? output : name, width: model.width }))
}

function toPlace({ name, outputs, absorbed }: Linear): Place {
  if (absorbed)
    fail('method_invalid', {
      subject: `target ${name}`,
      problem: 'is a Linear whose outputs are never computed, so an adapter cannot change them',
      fix: 'Choose other Linears, such as SelfAttention.k or EncDecAttention.o.',
    })
  return { place: name, width: outputs }
}

function throwTargets(variant: string): never {
  fail('method_invalid', {
    subject: 'bottleneck, targets',
    problem: `is only for the variant opendelta, not for ${variant}`,
    fix: 'Leave it out, or choose the variant opendelta.',
  })
}
