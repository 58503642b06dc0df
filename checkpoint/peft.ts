import { z } from 'zod'
import type { Model } from '../model/architecture.ts'
import { modelOf } from '../model/architectures.ts'
import { type MethodConfig, parseMethod } from '../model/methods/registry.ts'
import type { T5Config } from '../model/t5/config.ts'
import { readAdapterWeights } from './adapter-weights.ts'
import type { Base } from './base.ts'
import { checkKeys, FIX_BASE, type KeyRules, readKeys, throwNotSavable, throwUnsupported } from './config-rules.ts'
import type { JsonObject } from './files.ts'
import type { Layout } from './layout.ts'
import { float, toPythonJson } from './python-json.ts'

const LIBRARY_VERSION = '0.21.2'

/** The folders of Hugging Face's PEFT 0.21, with LoRA or prompt tuning. */
export const peft: Layout = {
  name: 'peft',
  configFile: 'adapter_config.json',
  weightsFile: 'adapter_model.safetensors',
  metadata: { format: 'pt' },
  defaultFor: ['lora', 'soft-prompt'],
  prefixes: [''],
  copiedFromBase: [],
  recognizes: (config) => 'peft_type' in config,
  parseConfig(config, model, subject) {
    const type = config.peft_type
    const peftMethod = typeof type === 'string' && Object.hasOwn(peftMethods, type) ? peftMethods[type] : undefined
    if (!peftMethod) return throwUnsupported(`${subject}, peft_type`, Object.keys(peftMethods).join(' or '), type)
    checkKeys(config, { ...commonRules, ...peftMethod.rules }, subject)
    return { method: parseMethod(peftMethod.toMethod(config, model, subject)) }
  },
  readWeights: (dir) => readAdapterWeights(dir, 'adapter_model.safetensors'),
  toSupportedMethod(method) {
    peftMethodOf(method)
    return method
  },
  formatConfig: (method, base) => toPythonJson(peftMethodOf(method).toConfig(method, base)),
  tensorName: (parameter, method) => peftMethodOf(method).tensorName(parameter),
}

/** One of PEFT's methods that Graft has as well. */
interface PeftMethod {
  readonly method: string
  readonly rules: KeyRules
  toMethod(config: JsonObject, model: Model, subject: string): MethodConfig
  toConfig(method: MethodConfig, base: Base): JsonObject
  tensorName(parameter: string): string
}

const commonRules: KeyRules = {
  auto_mapping: 'ignored',
  base_model_name_or_path: 'ignored',
  inference_mode: 'ignored',
  modules_to_save: { only: [null, []], feature: 'modules that are trained in addition to the adapter' },
  peft_type: 'read',
  peft_version: 'ignored',
  revision: 'ignored',
  runtime_config: 'ignored',
  task_type: { only: ['SEQ_2_SEQ_LM', null] },
}

const loraKeys = z.object({
  r: z.int().positive().default(8),
  lora_alpha: z.number().positive().default(8),
  use_rslora: z.boolean().default(false),
  target_modules: z
    .union([z.array(z.string().min(1)).min(1), z.literal('all-linear')], {
      error: 'a list of module names or "all-linear", because Graft does not support patterns',
    })
    .nullish(),
})

const lora: PeftMethod = {
  method: 'lora',
  rules: {
    alora_invocation_tokens: { only: [null], feature: 'activated LoRA' },
    alpha_pattern: { only: [null, {}], feature: 'a separate alpha for some modules' },
    bias: { only: ['none'], feature: 'trained biases' },
    ensure_weight_tying: 'ignored',
    exclude_modules: { only: [null, []] },
    fan_in_fan_out: { only: [false] },
    init_lora_weights: { only: [true, false, 'gaussian'], feature: 'initializations that change the base' },
    layer_replication: { only: [null], feature: 'repeated layers' },
    layers_pattern: { only: [null, '', []] },
    layers_to_transform: { only: [null, []], feature: 'LoRA in only some layers' },
    loftq_config: { only: [null, {}], feature: 'LoftQ' },
    lora_alpha: 'read',
    lora_bias: { only: [false], feature: 'a bias in lora_B' },
    lora_dropout: 'ignored',
    megatron_config: { only: [null] },
    megatron_core: 'ignored',
    qalora_group_size: 'ignored',
    r: 'read',
    rank_pattern: { only: [null, {}], feature: 'a separate rank for some modules' },
    target_modules: 'read',
    target_parameters: { only: [null, []] },
    trainable_token_indices: { only: [null], feature: 'trained token embeddings' },
    use_dora: { only: [false], feature: 'DoRA' },
    use_qalora: { only: [false], feature: 'QALoRA' },
    use_rslora: 'read',
  },
  toMethod(config, model, subject) {
    const { r, lora_alpha: alpha, use_rslora: rslora, target_modules: modules } = readKeys(config, loraKeys, subject)
    return { method: 'lora', rank: r, alpha, rslora, targets: resolveTargets(modules, model, subject) }
  },
  toConfig: ({ rank, alpha, rslora, targets }, base) => ({
    alora_invocation_tokens: null,
    alpha_pattern: {},
    arrow_config: null,
    auto_mapping: null,
    base_model_name_or_path: base.name,
    bias: 'none',
    corda_config: null,
    ensure_weight_tying: false,
    eva_config: null,
    exclude_modules: null,
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    kasa_config: null,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    loftq_config: {},
    lora_alpha: alpha,
    lora_bias: false,
    lora_dropout: float(0),
    lora_ga_config: null,
    megatron_config: null,
    megatron_core: 'megatron.core',
    modules_to_save: null,
    monteclora_config: null,
    peft_type: 'LORA',
    peft_version: LIBRARY_VERSION,
    qalora_group_size: 16,
    r: rank,
    rank_pattern: {},
    revision: null,
    target_modules: targets,
    target_parameters: null,
    task_type: 'SEQ_2_SEQ_LM',
    trainable_token_indices: null,
    use_bdlora: null,
    use_dora: false,
    use_qalora: false,
    use_rslora: rslora,
    velora_config: null,
  }),
  tensorName: (parameter) => `base_model.model.${parameter}.weight`,
}

/** Modules that PEFT would also adapt, although they are not Linears of a block. */
const OTHER_MODULES = [
  'lm_head',
  'shared',
  'encoder.embed_tokens',
  'decoder.embed_tokens',
  'SelfAttention.relative_attention_bias',
]

/**
 * Returns the targets that exist in the model. Like PEFT, it ignores names that match no module. It rejects modules
 * that Graft cannot adapt.
 */
function resolveTargets(
  modules: readonly string[] | 'all-linear' | null | undefined,
  model: Model,
  subject: string,
): readonly string[] {
  if (modules === null || modules === undefined) return ['q', 'v']
  const all = model.linears.map(({ name }) => name)
  if (modules === 'all-linear') return [...new Set(all.map((name) => name.slice(name.lastIndexOf('.') + 1)))]
  const matches = (target: string) => (name: string) => name === target || name.endsWith(`.${target}`)
  const other = modules.find((target) => OTHER_MODULES.some(matches(target)))
  if (other) return throwUnsupported(`${subject}, target_modules`, 'only Linears of the blocks', other)
  const known = modules.filter((target) => all.some(matches(target)))
  return known.length > 0
    ? known
    : throwUnsupported(`${subject}, target_modules`, 'the name of a Linear of the base', modules, FIX_BASE)
}

const promptKeys = z.object({
  num_virtual_tokens: z.int().positive(),
  num_transformer_submodules: z.union([z.literal(1), z.literal(2)]).nullish(),
  prompt_tuning_init: z.enum(['RANDOM', 'SAMPLE_VOCAB', 'TEXT']).default('RANDOM'),
})

const promptTuning: PeftMethod = {
  method: 'soft-prompt',
  rules: {
    num_attention_heads: 'ignored',
    num_layers: 'ignored',
    num_transformer_submodules: 'read',
    num_virtual_tokens: 'read',
    prompt_tuning_init: 'read',
    prompt_tuning_init_text: 'ignored',
    // Without it, PEFT would assume a model without a decoder, and so a table of another size.
    task_type: { only: ['SEQ_2_SEQ_LM'] },
    token_dim: 'read',
    tokenizer_kwargs: 'ignored',
    tokenizer_name_or_path: 'ignored',
  },
  toMethod(config, { width }, subject) {
    const keys = readKeys(config, promptKeys, subject)
    const tokenDim = config.token_dim ?? width
    if (tokenDim !== width)
      throwUnsupported(`${subject}, token_dim`, `${width}, the width of the base`, tokenDim, FIX_BASE)
    return {
      method: 'soft-prompt',
      tokens: keys.num_virtual_tokens,
      init: keys.prompt_tuning_init === 'RANDOM' ? 'normal' : 'vocabulary',
      // PEFT's default for a model with an encoder and a decoder.
      submodules: keys.num_transformer_submodules ?? 2,
    }
  },
  toConfig: ({ tokens, init, submodules }, base) => ({
    auto_mapping: null,
    base_model_name_or_path: base.name,
    inference_mode: true,
    modules_to_save: null,
    num_attention_heads: t5Of(base).numHeads,
    num_layers: t5Of(base).numLayers,
    num_transformer_submodules: submodules,
    num_virtual_tokens: tokens,
    peft_type: 'PROMPT_TUNING',
    peft_version: LIBRARY_VERSION,
    prompt_tuning_init: init === 'normal' ? 'RANDOM' : 'SAMPLE_VOCAB',
    prompt_tuning_init_text: null,
    revision: null,
    task_type: 'SEQ_2_SEQ_LM',
    token_dim: modelOf(base).width,
    tokenizer_kwargs: null,
    tokenizer_name_or_path: null,
  }),
  tensorName: (parameter) => parameter,
}

const t5Of = (base: Base): T5Config => base.config as T5Config

const peftMethods: Readonly<Record<string, PeftMethod>> = { LORA: lora, PROMPT_TUNING: promptTuning }

function peftMethodOf({ method }: MethodConfig): PeftMethod {
  return (
    Object.values(peftMethods).find((known) => known.method === method) ??
    throwNotSavable('PEFT layout, method', 'lora or soft-prompt', method)
  )
}
