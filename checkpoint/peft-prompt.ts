import { z } from 'zod'
import { modelOf } from '../model/architectures.ts'
import type { T5Config } from '../model/t5/config.ts'
import type { Base } from './base.ts'
import { FIX_BASE, readKeys, throwUnsupported } from './config-rules.ts'
import type { PeftMethod } from './peft-method.ts'

const promptKeys = z.object({
  num_virtual_tokens: z.int().positive(),
  num_transformer_submodules: z.union([z.literal(1), z.literal(2)]).nullish(),
  prompt_tuning_init: z.enum(['RANDOM', 'SAMPLE_VOCAB', 'TEXT']).default('RANDOM'),
})

/** PEFT's prompt tuning. */
export const peftPrompt: PeftMethod = {
  type: 'PROMPT_TUNING',
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
    num_attention_heads: t5Of(base).numHeads,
    num_layers: t5Of(base).numLayers,
    num_transformer_submodules: submodules,
    num_virtual_tokens: tokens,
    prompt_tuning_init: init === 'normal' ? 'RANDOM' : 'SAMPLE_VOCAB',
    prompt_tuning_init_text: null,
    token_dim: modelOf(base).width,
    tokenizer_kwargs: null,
    tokenizer_name_or_path: null,
  }),
  tensorName: (parameter) => parameter,
}

const t5Of = (base: Base): T5Config => base.config as T5Config
