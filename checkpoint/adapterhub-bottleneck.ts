import { z } from 'zod'
import { type MethodConfig, parseMethod } from '../model/methods/registry.ts'
import type { T5Config } from '../model/t5/config.ts'
import type { Kind, LibraryVersion } from './adapterhub-kind.ts'
import { readKeys, refuse } from './config-rules.ts'
import { float } from './python-json.ts'

type Activation = 'relu' | 'gelu' | 'silu'
type Variant = 'seq_bn' | 'double_seq_bn'

/** What tells the two apart in the file, and the activation that each has unless told otherwise. */
const variants: Readonly<
  Record<Variant, { mh_adapter: boolean; original_ln_before: boolean; activation: Activation }>
> = {
  seq_bn: { mh_adapter: false, original_ln_before: true, activation: 'relu' },
  double_seq_bn: { mh_adapter: true, original_ln_before: false, activation: 'silu' },
}

/** Names of transformers' activations; its plain `gelu` is the erf form, which Graft does not have. */
const activations: Readonly<Record<string, Activation>> = {
  relu: 'relu',
  swish: 'silu',
  silu: 'silu',
  gelu_new: 'gelu',
  gelu_pytorch_tanh: 'gelu',
}

const keys = z.object({
  mh_adapter: z.boolean(),
  output_adapter: z.literal(true),
  original_ln_before: z.boolean().default(false),
  cross_adapter: z.boolean().default(false),
  reduction_factor: z.number({ error: 'one number for all layers' }).positive(),
  non_linearity: z.string(),
})

/**
 * Bottleneck adapters of AdapterHub. T5's layers hand them no norm, so that `original_ln_before` adds h to f and nothing more, and
 * the keys of a norm after the adapter do nothing.
 */
export const bottleneckKind: Kind = {
  architecture: null,
  method: 'bottleneck',
  rules: {
    adapter_residual_before_ln: { only: [false] },
    architecture: 'read',
    cross_adapter: 'read',
    dropout: 'ignored',
    factorized_phm_W: 'ignored',
    factorized_phm_rule: 'ignored',
    hypercomplex_nonlinearity: 'ignored',
    init_weights: 'ignored',
    init_weights_seed: 'ignored',
    inv_adapter: { only: [null], about: 'an invertible adapter' },
    inv_adapter_reduction_factor: 'ignored',
    is_parallel: { only: [false], about: 'a parallel adapter' },
    learn_phm: 'ignored',
    leave_out: { only: [[], null], about: 'leaving layers out' },
    ln_after: { only: [false], about: 'a norm of the adapter' },
    ln_before: { only: [false], about: 'a norm of the adapter' },
    mh_adapter: 'read',
    non_linearity: 'read',
    original_ln_after: { only: [true] },
    original_ln_before: 'read',
    output_adapter: 'read',
    phm_bias: 'ignored',
    phm_c_init: 'ignored',
    phm_dim: 'ignored',
    phm_init_range: 'ignored',
    phm_layer: { only: [false], about: 'Compacter' },
    phm_rank: 'ignored',
    reduction_factor: 'read',
    residual_before_ln: { only: [true] },
    scaling: { only: [1], about: 'scaling the adapter' },
    shared_W_phm: 'ignored',
    shared_phm_rule: 'ignored',
    stochastic_depth: { only: [0], about: 'stochastic depth' },
    use_gating: { only: [false], about: 'gating' },
  },
  read(config, { dModel }, subject, version) {
    const { reduction_factor: factor, non_linearity, cross_adapter, ...places } = readKeys(config, keys, subject)
    const variant = Object.entries(variants).find(
      ([, v]) => v.mh_adapter === places.mh_adapter && v.original_ln_before === places.original_ln_before,
    )?.[0]
    if (!variant)
      return refuse(
        `${subject}, original_ln_before`,
        `${!places.mh_adapter} where mh_adapter is ${places.mh_adapter}`,
        places.original_ln_before,
      )
    return canonical({
      method: 'bottleneck',
      bottleneck: width(dModel, factor),
      variant,
      cross_attention: cross_adapter,
      activation: activationNamed(non_linearity, version, subject),
    })
  },
  // OpenDelta's adapter reads and adds to the same f, only before dropout, which is nothing outside training.
  stored: (method) =>
    canonical(
      method.variant === 'opendelta'
        ? { ...method, activation: method.activation ?? 'gelu', variant: 'double_seq_bn' }
        : method,
    ),
  write: (method, t5) => {
    const { mh_adapter, original_ln_before, activation } = variants[method.variant as Variant]
    return {
      adapter_residual_before_ln: false,
      cross_adapter: method.cross_attention,
      dropout: float(0),
      factorized_phm_W: true,
      factorized_phm_rule: false,
      hypercomplex_nonlinearity: 'glorot-uniform',
      init_weights: 'bert',
      init_weights_seed: null,
      inv_adapter: null,
      inv_adapter_reduction_factor: null,
      is_parallel: false,
      learn_phm: true,
      leave_out: [],
      ln_after: false,
      ln_before: false,
      mh_adapter,
      non_linearity: { relu: 'relu', silu: 'swish', gelu: 'gelu_new' }[(method.activation as Activation) ?? activation],
      original_ln_after: true,
      original_ln_before,
      output_adapter: true,
      phm_bias: true,
      phm_c_init: 'normal',
      phm_dim: 4,
      phm_init_range: float(0.0001),
      phm_layer: false,
      phm_rank: 1,
      reduction_factor: reductionFactor(t5, method.bottleneck as number),
      residual_before_ln: true,
      scaling: float(1),
      shared_W_phm: false,
      shared_phm_rule: true,
      stochastic_depth: float(0),
      use_gating: false,
    }
  },
  fileName(parameter, adapter) {
    const [part, side] = parameter.split('.').reverse()
    const place = parameter.slice(0, -`.${side}.${part}`.length)
    // adapter_down is a sequence: its Linear, then the activation.
    return `${place}.adapters.${adapter}.${side === 'adapter_down' ? 'adapter_down.0' : side}.${part}`
  },
}

/** Without the activation where it is the variant's own, so that equal functions are equal configurations. */
function canonical(method: MethodConfig): MethodConfig {
  const { activation, ...rest } = parseMethod(method)
  const given = activation !== undefined && activation !== variants[rest.variant as Variant].activation
  return { ...rest, ...(given && { activation }) } as MethodConfig
}

function activationNamed(given: string, version: LibraryVersion | undefined, subject: string): Activation {
  const name = given.toLowerCase()
  // Files without a version are of a time when the names were others.
  const current = version === undefined && name === 'gelu' ? 'gelu_new' : name
  if (Object.hasOwn(activations, current)) return activations[current]
  return refuse(`${subject}, non_linearity`, Object.keys(activations).join(', '), given)
}

/** The library's `max(1, int(d_model // reduction_factor))`, with Python's division: the quotient of what fmod leaves. */
function width(dModel: number, factor: number): number {
  return Math.max(1, Math.round((dModel - (dModel % factor)) / factor))
}

/** The factor from which the library makes this width. */
function reductionFactor({ dModel }: T5Config, bottleneck: number): number {
  let factor = dModel / bottleneck
  // The quotient may have been rounded up, and then one row too few would fit.
  while (width(dModel, factor) < bottleneck) factor *= 1 - 2 ** -52
  return factor
}
