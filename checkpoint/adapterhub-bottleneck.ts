import { z } from 'zod'
import type { Model } from '../model/architecture.ts'
import { type MethodConfig, parseMethod } from '../model/methods/registry.ts'
import type { AdapterHubMethod, LibraryVersion } from './adapterhub-method.ts'
import { readKeys, throwNotSavable, throwUnsupported } from './config-rules.ts'
import { float } from './python-json.ts'

type Activation = 'relu' | 'gelu' | 'silu'
type Variant = 'seq_bn' | 'double_seq_bn' | 'par_bn'

/** The keys that distinguish the variants in a file, and the default activation of each. */
const variants: Readonly<
  Record<
    Variant,
    {
      is_parallel: boolean
      mh_adapter: boolean
      original_ln_before: boolean
      activation: Activation
      scaling: number
      init_weights: string
    }
  >
> = {
  seq_bn: {
    is_parallel: false,
    mh_adapter: false,
    original_ln_before: true,
    activation: 'relu',
    scaling: 1,
    init_weights: 'bert',
  },
  double_seq_bn: {
    is_parallel: false,
    mh_adapter: true,
    original_ln_before: false,
    activation: 'silu',
    scaling: 1,
    init_weights: 'bert',
  },
  par_bn: {
    is_parallel: true,
    mh_adapter: false,
    original_ln_before: false,
    activation: 'relu',
    scaling: 4,
    init_weights: 'mam_adapter',
  },
}

/** The names of activations in transformers. Its plain `gelu` is the erf form, which Graft does not have. */
const activations: Readonly<Record<string, Activation>> = {
  relu: 'relu',
  swish: 'silu',
  silu: 'silu',
  gelu_new: 'gelu',
  gelu_pytorch_tanh: 'gelu',
}

const keys = z.object({
  is_parallel: z.boolean().default(false),
  mh_adapter: z.boolean(),
  output_adapter: z.literal(true),
  original_ln_before: z.boolean().default(false),
  cross_adapter: z.boolean().default(false),
  reduction_factor: z.number({ error: 'a single number for all layers' }).positive(),
  non_linearity: z.string(),
  scaling: z.number({ error: 'a number, because Graft does not support a learned scale' }).positive().default(1),
})

/**
 * AdapterHub's bottleneck adapters. In T5, the library passes them no norm, so `original_ln_before` only adds h to f,
 * and the keys of a norm after the adapter have no effect.
 */
export const adapterHubBottleneck: AdapterHubMethod = {
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
    inv_adapter: { only: [null], feature: 'invertible adapters' },
    inv_adapter_reduction_factor: 'ignored',
    is_parallel: 'read',
    learn_phm: 'ignored',
    leave_out: { only: [[], null], feature: 'skipped layers' },
    ln_after: { only: [false], feature: 'a norm in the adapter' },
    ln_before: { only: [false], feature: 'a norm in the adapter' },
    mh_adapter: 'read',
    non_linearity: 'read',
    original_ln_after: { only: [true] },
    original_ln_before: 'read',
    output_adapter: 'read',
    phm_bias: 'ignored',
    phm_c_init: 'ignored',
    phm_dim: 'ignored',
    phm_init_range: 'ignored',
    phm_layer: { only: [false], feature: 'Compacter' },
    phm_rank: 'ignored',
    reduction_factor: 'read',
    residual_before_ln: { only: [true] },
    scaling: 'read',
    shared_W_phm: 'ignored',
    shared_phm_rule: 'ignored',
    stochastic_depth: { only: [0], feature: 'stochastic depth' },
    use_gating: { only: [false], feature: 'gating' },
  },
  toMethod(config, { width: dModel }, subject, version) {
    const {
      reduction_factor: factor,
      non_linearity,
      cross_adapter,
      scaling,
      ...places
    } = readKeys(config, keys, subject)
    // A parallel adapter reads h, whatever original_ln_before says.
    const variant = Object.entries(variants).find(
      ([, v]) =>
        v.is_parallel === places.is_parallel &&
        v.mh_adapter === places.mh_adapter &&
        (places.is_parallel || v.original_ln_before === places.original_ln_before),
    )?.[0]
    if (!variant && places.is_parallel)
      return throwUnsupported(`${subject}, mh_adapter`, 'false if is_parallel is true', true)
    if (!variant)
      return throwUnsupported(
        `${subject}, original_ln_before`,
        `${!places.mh_adapter} if mh_adapter is ${places.mh_adapter}`,
        places.original_ln_before,
      )
    return omitDefaults({
      method: 'bottleneck',
      bottleneck: widthFromFactor(dModel, factor),
      variant,
      cross_attention: cross_adapter,
      activation: parseActivation(non_linearity, version, subject),
      scaling,
    })
  },
  // OpenDelta's adapter reads and changes the same f, but before dropout, which has no effect outside training.
  toSupportedMethod(method) {
    if (method.variant !== 'opendelta') return omitDefaults(method)
    const { targets, ...rest } = method
    const activation = method.activation ?? 'gelu'
    return omitDefaults({ ...rest, ...placesFrom(targets, rest), activation, variant: 'double_seq_bn' })
  },
  toConfig: (method, model) => {
    const { is_parallel, mh_adapter, original_ln_before, activation, scaling, init_weights } =
      variants[method.variant as Variant]
    return {
      adapter_residual_before_ln: false,
      cross_adapter: method.cross_attention,
      dropout: float(0),
      factorized_phm_W: true,
      factorized_phm_rule: false,
      hypercomplex_nonlinearity: 'glorot-uniform',
      init_weights,
      init_weights_seed: null,
      inv_adapter: null,
      inv_adapter_reduction_factor: null,
      is_parallel,
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
      reduction_factor: findReductionFactor(model, method.bottleneck as number),
      residual_before_ln: true,
      scaling: float((method.scaling as number | undefined) ?? scaling),
      shared_W_phm: false,
      shared_phm_rule: true,
      stochastic_depth: float(0),
      use_gating: false,
    }
  },
  tensorName(parameter, adapter) {
    const [part, side] = parameter.split('.').reverse()
    const place = parameter.slice(0, -`.${side}.${part}`.length)
    // adapter_down is a sequence of its Linear and the activation.
    return `${place}.adapters.${adapter}.${side === 'adapter_down' ? 'adapter_down.0' : side}.${part}`
  },
}

/**
 * Returns which sub-layers have adapters, from the Linears that OpenDelta adapts. They must be in the order of Graft's
 * own choice, which is the order of the sub-layers.
 * @throws GraftError `checkpoint_config` if `double_seq_bn` has other places
 */
function placesFrom(targets: unknown, { cross_attention }: MethodConfig): Partial<MethodConfig> {
  if (targets === undefined) return { cross_attention }
  const names = [...(targets as string[])].sort().join()
  if (names === 'DenseReluDense.wo,SelfAttention.o') return { cross_attention: false }
  if (names === 'DenseReluDense.wo,EncDecAttention.o,SelfAttention.o') return { cross_attention: true }
  return throwNotSavable(
    'AdapterHub layout, targets',
    'SelfAttention.o and DenseReluDense.wo, or these and EncDecAttention.o',
    targets,
  )
}

/** Removes values that are the variant's defaults, so that equal functions have equal configurations. */
function omitDefaults(method: MethodConfig): MethodConfig {
  const { activation, scaling, ...rest } = parseMethod(method)
  const defaults = variants[rest.variant as Variant]
  return {
    ...rest,
    ...(activation !== undefined && activation !== defaults.activation && { activation }),
    ...(scaling !== undefined && scaling !== defaults.scaling && { scaling }),
  } as MethodConfig
}

function parseActivation(text: string, version: LibraryVersion | undefined, subject: string): Activation {
  const name = text.toLowerCase()
  // Files without a version were written when `gelu` meant the tanh form.
  const current = version === undefined && name === 'gelu' ? 'gelu_new' : name
  if (Object.hasOwn(activations, current)) return activations[current]
  return throwUnsupported(`${subject}, non_linearity`, Object.keys(activations).join(', '), text)
}

/** Returns the library's `max(1, int(d_model // reduction_factor))`. Python's `//` subtracts fmod before it divides. */
function widthFromFactor(dModel: number, factor: number): number {
  return Math.max(1, Math.round((dModel - (dModel % factor)) / factor))
}

/** Returns a factor from which the library computes this width. */
function findReductionFactor({ width: dModel }: Model, bottleneck: number): number {
  let factor = dModel / bottleneck
  // The quotient may have been rounded up, which would give a width that is too small by one.
  while (widthFromFactor(dModel, factor) < bottleneck) factor *= 1 - 2 ** -52
  return factor
}
