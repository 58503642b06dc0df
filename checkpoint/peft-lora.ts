import { z } from 'zod'
import { MAX_TARGETS } from '../model/targets.ts'
import { readKeys } from './config-rules.ts'
import type { PeftMethod } from './peft-method.ts'
import { MAX_PATTERN_LENGTH, resolvePattern, resolveTargets } from './peft-targets.ts'
import { float } from './python-json.ts'

/** Values of some modules, by a regular expression that matches the end of their names. */
const patterns = <T extends z.ZodType>(value: T) => z.record(z.string().min(1).max(MAX_PATTERN_LENGTH), value).nullish()

const loraKeys = z.object({
  r: z.int().positive().default(8),
  lora_alpha: z.number('a positive number, which PEFT divides by r').positive('a positive number').default(8),
  rank_pattern: patterns(z.int().positive()),
  alpha_pattern: patterns(z.number().positive()),
  use_dora: z.boolean().default(false),
  use_rslora: z.boolean().default(false),
  target_modules: z
    .union([z.array(z.string().min(1)).min(1).max(MAX_TARGETS), z.string().min(1).max(MAX_PATTERN_LENGTH)], {
      error: `a list of up to ${MAX_TARGETS} module names, a regular expression or "all-linear"`,
    })
    .nullish(),
})

/** PEFT's LoRA. */
export const peftLora: PeftMethod = {
  type: 'LORA',
  method: 'lora',
  rules: {
    alora_invocation_tokens: { only: [null], feature: 'activated LoRA' },
    alpha_pattern: 'read',
    bias: { only: ['none'], feature: 'trained biases' },
    ensure_weight_tying: 'ignored',
    eva_config: 'ignored',
    exclude_modules: { only: [null, []] },
    fan_in_fan_out: { only: [false] },
    // A training that began with one of these leaves the base as it was. The others change it.
    init_lora_weights: {
      only: [true, false, 'gaussian', 'eva', 'mica', 'orthogonal'],
      feature: 'initializations that change the base',
    },
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
    rank_pattern: 'read',
    target_modules: 'read',
    target_parameters: { only: [null, []] },
    trainable_token_indices: { only: [null], feature: 'trained token embeddings' },
    use_dora: 'read',
    use_qalora: { only: [false], feature: 'QALoRA' },
    use_rslora: 'read',
  },
  toMethod(config, model, subject) {
    const {
      r,
      lora_alpha: alpha,
      use_dora: dora,
      use_rslora: rslora,
      target_modules: modules,
      rank_pattern,
      alpha_pattern,
    } = readKeys(config, loraKeys, subject)
    const ranks = resolvePattern(rank_pattern, model, `${subject}, rank_pattern`)
    const alphas = resolvePattern(alpha_pattern, model, `${subject}, alpha_pattern`)
    const targets = resolveTargets(modules, model, subject)
    return { method: 'lora', rank: r, alpha, dora, rslora, targets, ...(ranks && { ranks }), ...(alphas && { alphas }) }
  },
  toConfig: ({ rank, alpha, ranks, alphas, dora, rslora, targets }) => ({
    alora_invocation_tokens: null,
    alpha_pattern: alphas ?? {},
    arrow_config: null,
    bias: 'none',
    corda_config: null,
    ensure_weight_tying: false,
    eva_config: null,
    exclude_modules: null,
    fan_in_fan_out: false,
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
    monteclora_config: null,
    qalora_group_size: 16,
    r: rank,
    rank_pattern: ranks ?? {},
    target_modules: targets,
    target_parameters: null,
    trainable_token_indices: null,
    use_bdlora: null,
    use_dora: dora,
    use_qalora: false,
    use_rslora: rslora,
    velora_config: null,
  }),
  // The magnitudes of DoRA are a bare parameter, the matrices are Linears.
  tensorName: (parameter) => `base_model.model.${parameter}${/\.lora_[AB]$/.test(parameter) ? '.weight' : ''}`,
}
