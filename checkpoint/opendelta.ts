import { z } from 'zod'
import type { Model } from '../model/architecture.ts'
import { type MethodConfig, parseMethod } from '../model/methods/registry.ts'
import { isTarget, MAX_TARGETS } from '../model/targets.ts'
import type { Base } from './base.ts'
import { checkKeys, FIX_BASE, type KeyRules, readKeys, throwNotSavable, throwUnsupported } from './config-rules.ts'
import type { JsonObject } from './files.ts'
import type { Layout } from './layout.ts'
import { FOLDER, loadT5 } from './model-card.ts'
import { toPlainLora } from './plain-lora.ts'
import { float, toPythonJson } from './python-json.ts'

const LIBRARY_VERSION = '0.3.0'

/** The folders of OpenDelta 0.3 (`save_finetuned`), with its adapter, LoRA or soft prompt. */
export const opendelta: Layout = {
  name: 'opendelta',
  configFile: 'config.json',
  weightsFile: 'pytorch_model.bin',
  defaultFor: [],
  prefixes: [''],
  library: {
    name: 'opendelta',
    load: (base) => [
      'from opendelta import AutoDeltaModel',
      loadT5(base),
      `AutoDeltaModel.from_finetuned("${FOLDER}", backbone_model=model)`,
    ],
  },
  copiedFromBase: [],
  recognizes: (config) => 'delta_type' in config,
  parseConfig(config, model, subject) {
    const type = config.delta_type
    const delta = typeof type === 'string' && Object.hasOwn(deltas, type) ? deltas[type] : undefined
    if (!delta) return throwUnsupported(`${subject}, delta_type`, Object.keys(deltas).join(', '), type)
    checkKeys(config, { ...commonRules, ...delta.rules }, subject)
    return { method: parseMethod(delta.toMethod(config, model, subject)) }
  },
  toSupportedMethod: (method) => deltaOf(method).toSupportedMethod(method),
  formatConfig: (method, base) =>
    toPythonJson({
      backbone_checkpoint_name: base.name,
      backbone_class: 'T5ForConditionalGeneration',
      delta_type: Object.keys(deltas).find((type) => deltas[type] === deltaOf(method)),
      exclude_modules: ['lm_head'],
      opendelta_version: LIBRARY_VERSION,
      ...deltaOf(method).toConfig(method, base),
    }),
  tensorName: (parameter, method) => deltaOf(method).tensorName(parameter),
}

/** One of OpenDelta's methods that Graft has as well. */
interface Delta {
  readonly method: string
  readonly rules: KeyRules
  toMethod(config: JsonObject, model: Model, subject: string): MethodConfig
  /** See `Layout.toSupportedMethod`. */
  toSupportedMethod(method: MethodConfig): MethodConfig
  toConfig(method: MethodConfig, base: Base): JsonObject
  tensorName(parameter: string): string
}

const commonRules: KeyRules = {
  backbone_checkpoint_name: 'ignored',
  backbone_class: 'ignored',
  backbone_hash: 'ignored',
  common_structure: 'read',
  delta_type: 'read',
  exclude_modules: { only: [null, [], ['lm_head']], feature: 'modules that are left out by name' },
  modified_modules: 'read',
  opendelta_version: 'ignored',
  transformers_version: 'ignored',
  unfrozen_modules: { only: [null, [], ['deltas']], feature: 'parts of the base that are trained as well' },
}

const moduleKeys = z.object({
  common_structure: z.boolean().nullish(),
  modified_modules: z.array(z.string().min(1)).min(1).max(MAX_TARGETS).nullish(),
})

/** OpenDelta's names of a T5's modules, which it uses if `common_structure` is true. */
const COMMON_NAMES: Readonly<Record<string, string>> = {
  attn: 'SelfAttention',
  crossattn: 'EncDecAttention',
  ff: 'DenseReluDense',
  proj: 'o',
  w1: 'wi',
  w2: 'wo',
}

/**
 * Returns the Linears that `modified_modules` names.
 * @param defaults the library's own choice, in names of the model
 */
function readTargets(config: JsonObject, defaults: readonly string[], model: Model, subject: string): string[] {
  const { common_structure: isCommon, modified_modules: modules } = readKeys(config, moduleKeys, subject)
  const key = `${subject}, modified_modules`
  if (!modules) return [...defaults]
  // The library matches the names of modules, and adapts a module as a whole.
  const targets = modules.map((name) => {
    if (name.startsWith('[r]'))
      throwUnsupported(key, 'names without the prefix [r], which marks a regular expression', name)
    return isCommon === true ? toModelName(name) : name
  })
  const unknown = targets.find((target) => !model.linears.some(isTarget([target])))
  return unknown === undefined ? targets : throwUnsupported(key, 'the names of Linears of the base', unknown, FIX_BASE)
}

/** Translates a name such as `attn@.proj@`. */
const toModelName = (name: string): string =>
  name
    .split('.')
    .map((part) => part.replace(/@$/, ''))
    .map((part) => (Object.hasOwn(COMMON_NAMES, part) ? COMMON_NAMES[part] : part))
    .join('.')

const ADAPTER_PLACES = ['SelfAttention.o', 'DenseReluDense.wo']

const adapterKeys = z.object({ bottleneck_dim: z.int().positive().default(24) })

const adapter: Delta = {
  method: 'bottleneck',
  rules: {
    bottleneck_dim: 'read',
    non_linearity: { only: ['gelu_new'], feature: 'other activations in this layout' },
    sequential: { only: [true, 'true', null] },
  },
  toMethod(config, model, subject) {
    const { bottleneck_dim: width } = readKeys(config, adapterKeys, subject)
    const targets = readTargets(config, ADAPTER_PLACES, model, subject)
    const isDefault = [...targets].sort().join() === [...ADAPTER_PLACES].sort().join()
    return { method: 'bottleneck', variant: 'opendelta', bottleneck: width, ...(!isDefault && { targets }) }
  },
  toSupportedMethod(method) {
    const { variant, activation, cross_attention: cross, targets, bottleneck, scaling = 1 } = method
    if (variant === 'seq_bn' || variant === 'par_bn')
      return throwNotSavable(
        'OpenDelta layout, variant',
        'opendelta or double_seq_bn, because only they read f',
        variant,
      )
    const own = activation ?? (variant === 'opendelta' ? 'gelu' : 'silu')
    if (own !== 'gelu') return throwNotSavable('OpenDelta layout, activation', 'gelu', own)
    if (scaling !== 1) return throwNotSavable('OpenDelta layout, scaling', '1', scaling)
    const places = targets ?? (cross ? [...ADAPTER_PLACES, 'EncDecAttention.o'] : undefined)
    return parseMethod({
      method: 'bottleneck',
      variant: 'opendelta',
      bottleneck,
      ...(places !== undefined && { targets: places }),
    })
  },
  toConfig: ({ bottleneck, targets }) => ({
    bottleneck_dim: bottleneck,
    common_structure: null,
    modified_modules: targets ?? ADAPTER_PLACES,
    non_linearity: 'gelu_new',
  }),
  tensorName(parameter) {
    const [part, side] = parameter.split('.').reverse()
    const place = parameter.slice(0, -`.${side}.${part}`.length)
    return `${place}.adapter.modulelist.${side === 'adapter_down' ? 'down_proj' : 'up_proj'}.${part}`
  },
}

const loraKeys = z.object({ lora_r: z.int().positive().default(8), lora_alpha: z.number().positive().default(16) })

const lora: Delta = {
  method: 'lora',
  rules: { lora_alpha: 'read', lora_dropout: 'ignored', lora_r: 'read' },
  toMethod(config, model, subject) {
    const { lora_r: rank, lora_alpha: alpha } = readKeys(config, loraKeys, subject)
    const targets = readTargets(config, ['SelfAttention.q', 'SelfAttention.v'], model, subject)
    return { method: 'lora', rank, alpha, targets }
  },
  toSupportedMethod: (method) => toPlainLora(method, 'OpenDelta'),
  toConfig: ({ rank, alpha, targets }) => ({
    common_structure: null,
    lora_alpha: alpha,
    lora_dropout: float(0),
    lora_r: rank,
    modified_modules: targets,
  }),
  tensorName(parameter) {
    const dot = parameter.lastIndexOf('.')
    return `${parameter.slice(0, dot)}.lora.${parameter.slice(dot + 1)}`
  },
}

const promptKeys = z.object({ soft_token_num: z.int().positive().default(100), token_init: z.boolean().default(true) })

const softPrompt: Delta = {
  method: 'soft-prompt',
  rules: {
    common_structure: 'ignored',
    init_range: 'ignored',
    modified_modules: { only: [null, ['root']], feature: 'a soft prompt inside the model' },
    soft_token_num: 'read',
    token_init: 'read',
  },
  toMethod(config, _model, subject) {
    const { soft_token_num: tokens, token_init: copies } = readKeys(config, promptKeys, subject)
    return { method: 'soft-prompt', tokens, init: copies ? 'vocabulary' : 'normal' }
  },
  // The second half of PEFT's table has no effect, and this library has none.
  toSupportedMethod: (method) =>
    method.submodules === 2 ? throwNotSavable('OpenDelta layout, submodules', '1', 2) : method,
  toConfig: ({ tokens, init }) => ({
    init_range: float(0.5),
    modified_modules: ['root'],
    soft_token_num: tokens,
    token_init: init === 'vocabulary',
  }),
  tensorName: () => 'encoder.soft_prompt_layer.soft_embeds',
}

const deltas: Readonly<Record<string, Delta>> = { adapter, lora, soft_prompt: softPrompt }

function deltaOf({ method }: MethodConfig): Delta {
  return (
    Object.values(deltas).find((known) => known.method === method) ??
    throwNotSavable('OpenDelta layout, method', 'bottleneck, lora or soft-prompt', method)
  )
}
