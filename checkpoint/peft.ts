import { z } from 'zod'
import { type MethodConfig, parseMethod } from '../model/methods/registry.ts'
import type { T5Config } from '../model/t5/config.ts'
import { linears } from '../model/t5/tensors.ts'
import type { Base } from './base.ts'
import { cannotHold, checkKeys, type KeyRules, readKeys, refuse } from './config-rules.ts'
import type { JsonObject } from './files.ts'
import type { Layout } from './layout.ts'
import { float, pythonJson } from './python-json.ts'
import { readAdapterWeights } from './weights-file.ts'

const VERSION = '0.21.2'

/** Folders of Hugging Face PEFT, as its 0.21 writes them: LoRA and prompt tuning. */
export const peft: Layout = {
  name: 'peft',
  configFile: 'adapter_config.json',
  weightsFile: 'adapter_model.safetensors',
  metadata: { format: 'pt' },
  defaultFor: ['lora', 'soft-prompt'],
  prefixes: [''],
  companions: [],
  recognises: (config) => 'peft_type' in config,
  read(config, t5, subject) {
    const type = config.peft_type
    const kind = typeof type === 'string' && Object.hasOwn(kinds, type) ? kinds[type] : undefined
    if (!kind) return refuse(`${subject}, peft_type`, Object.keys(kinds).join(' or '), type)
    checkKeys(config, { ...common, ...kind.rules }, subject)
    return { method: parseMethod(kind.read(config, t5, subject)) }
  },
  readWeights: (dir) => readAdapterWeights(dir, 'adapter_model.safetensors'),
  stored(method) {
    kindOf(method)
    return method
  },
  write: (method, base) => pythonJson(kindOf(method).write(method, base)),
  fileName: (parameter, method) => kindOf(method).fileName(parameter),
}

interface Kind {
  readonly method: string
  readonly rules: KeyRules
  read(config: JsonObject, t5: T5Config, subject: string): MethodConfig
  write(method: MethodConfig, base: Base): JsonObject
  fileName(parameter: string): string
}

const common: KeyRules = {
  auto_mapping: 'ignored',
  base_model_name_or_path: 'ignored',
  inference_mode: 'ignored',
  modules_to_save: { only: [null, []], about: 'training whole modules beside the adapter' },
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
      error: 'a list of module names, or "all-linear" (patterns are not implemented)',
    })
    .nullish(),
})

const lora: Kind = {
  method: 'lora',
  rules: {
    alora_invocation_tokens: { only: [null], about: 'activated LoRA' },
    alpha_pattern: { only: [null, {}], about: 'an alpha a module' },
    bias: { only: ['none'], about: 'training biases' },
    ensure_weight_tying: 'ignored',
    exclude_modules: { only: [null, []] },
    fan_in_fan_out: { only: [false] },
    init_lora_weights: { only: [true, false, 'gaussian'], about: 'an initialisation that changes the base' },
    layer_replication: { only: [null], about: 'repeating layers' },
    layers_pattern: { only: [null, '', []] },
    layers_to_transform: { only: [null, []], about: 'LoRA in some layers' },
    loftq_config: { only: [null, {}], about: 'LoftQ' },
    lora_alpha: 'read',
    lora_bias: { only: [false], about: 'a bias of lora_B' },
    lora_dropout: 'ignored',
    megatron_config: { only: [null] },
    megatron_core: 'ignored',
    qalora_group_size: 'ignored',
    r: 'read',
    rank_pattern: { only: [null, {}], about: 'a rank a module' },
    target_modules: 'read',
    target_parameters: { only: [null, []] },
    trainable_token_indices: { only: [null], about: 'training rows of the embedding' },
    use_dora: { only: [false], about: 'DoRA' },
    use_qalora: { only: [false], about: 'QALoRA' },
    use_rslora: 'read',
  },
  read(config, t5, subject) {
    const { r, lora_alpha: alpha, use_rslora: rslora, target_modules: modules } = readKeys(config, loraKeys, subject)
    return { method: 'lora', rank: r, alpha, rslora, targets: targets(modules, t5, subject) }
  },
  write: ({ rank, alpha, rslora, targets }, base) => ({
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
    peft_version: VERSION,
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
  fileName: (parameter) => `base_model.model.${parameter}.weight`,
}

/** Modules that PEFT would also wrap, though they are no Linear of a block. */
const OTHER_MODULES = [
  'lm_head',
  'shared',
  'encoder.embed_tokens',
  'decoder.embed_tokens',
  'SelfAttention.relative_attention_bias',
]

/** PEFT passes over a name that no module has, and so do we; a name of a module that we do not adapt is refused. */
function targets(
  modules: readonly string[] | 'all-linear' | null | undefined,
  t5: T5Config,
  subject: string,
): readonly string[] {
  if (modules === null || modules === undefined) return ['q', 'v']
  const all = linears(t5).map(({ name }) => name)
  if (modules === 'all-linear') return [...new Set(all.map((name) => name.slice(name.lastIndexOf('.') + 1)))]
  const ends = (target: string) => (name: string) => name === target || name.endsWith(`.${target}`)
  const other = modules.find((target) => OTHER_MODULES.some(ends(target)))
  if (other) return refuse(`${subject}, target_modules`, 'Linears of the blocks alone', other)
  const known = modules.filter((target) => all.some(ends(target)))
  return known.length > 0 ? known : refuse(`${subject}, target_modules`, 'the name of a Linear of this base', modules)
}

const promptKeys = z.object({
  num_virtual_tokens: z.int().positive(),
  num_transformer_submodules: z.union([z.literal(1), z.literal(2)]).nullish(),
  prompt_tuning_init: z.enum(['RANDOM', 'SAMPLE_VOCAB', 'TEXT']).default('RANDOM'),
})

const prompt: Kind = {
  method: 'soft-prompt',
  rules: {
    num_attention_heads: 'ignored',
    num_layers: 'ignored',
    num_transformer_submodules: 'read',
    num_virtual_tokens: 'read',
    prompt_tuning_init: 'read',
    prompt_tuning_init_text: 'ignored',
    // Without it PEFT would take a model that is no encoder and decoder, and so a table of another size.
    task_type: { only: ['SEQ_2_SEQ_LM'] },
    token_dim: 'read',
    tokenizer_kwargs: 'ignored',
    tokenizer_name_or_path: 'ignored',
  },
  read(config, { dModel }, subject) {
    const keys = readKeys(config, promptKeys, subject)
    const width = config.token_dim ?? dModel
    if (width !== dModel) refuse(`${subject}, token_dim`, `${dModel}, the width of this base`, width)
    return {
      method: 'soft-prompt',
      tokens: keys.num_virtual_tokens,
      init: keys.prompt_tuning_init === 'RANDOM' ? 'normal' : 'vocabulary',
      // PEFT's own choice for an encoder and decoder where the file leaves it open.
      submodules: keys.num_transformer_submodules ?? 2,
    }
  },
  write: ({ tokens, init, submodules }, { name, t5 }) => ({
    auto_mapping: null,
    base_model_name_or_path: name,
    inference_mode: true,
    modules_to_save: null,
    num_attention_heads: t5.numHeads,
    num_layers: t5.numLayers,
    num_transformer_submodules: submodules,
    num_virtual_tokens: tokens,
    peft_type: 'PROMPT_TUNING',
    peft_version: VERSION,
    prompt_tuning_init: init === 'normal' ? 'RANDOM' : 'SAMPLE_VOCAB',
    prompt_tuning_init_text: null,
    revision: null,
    task_type: 'SEQ_2_SEQ_LM',
    token_dim: t5.dModel,
    tokenizer_kwargs: null,
    tokenizer_name_or_path: null,
  }),
  fileName: (parameter) => parameter,
}

const kinds: Readonly<Record<string, Kind>> = { LORA: lora, PROMPT_TUNING: prompt }

function kindOf({ method }: MethodConfig): Kind {
  return (
    Object.values(kinds).find((kind) => kind.method === method) ??
    cannotHold('PEFT, method', 'lora or soft-prompt', method)
  )
}
