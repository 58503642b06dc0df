import { z } from 'zod'
import { fail } from '../core/errors.ts'
import type { Decoder, Model } from '../model/architecture.ts'
import { modelOf } from '../model/architectures.ts'
import { FIX_BASE, readKeys, throwUnsupported } from './config-rules.ts'
import type { PeftMethod } from './peft-method.ts'

const keys = z.object({ num_virtual_tokens: z.int().positive() })

/** PEFT's prefix tuning. */
export const peftPrefix: PeftMethod = {
  type: 'PREFIX_TUNING',
  method: 'prefix',
  rules: {
    encoder_hidden_size: 'ignored',
    init_weights: 'ignored',
    num_attention_heads: 'read',
    num_layers: 'read',
    num_transformer_submodules: { only: [2, null] },
    num_virtual_tokens: 'read',
    prefix_projection: { only: [false], feature: 'a prefix that a network computes' },
    task_type: { only: ['SEQ_2_SEQ_LM'] },
    token_dim: 'read',
  },
  toMethod(config, model, subject) {
    for (const [key, expected] of Object.entries(sizesOf(model)))
      if ((config[key] ?? expected) !== expected)
        throwUnsupported(`${subject}, ${key}`, `${expected}, as in the base`, config[key], FIX_BASE)
    return { method: 'prefix', tokens: readKeys(config, keys, subject).num_virtual_tokens }
  },
  toConfig: ({ tokens }, base) => ({
    encoder_hidden_size: modelOf(base).width,
    init_weights: null,
    ...sizesOf(modelOf(base)),
    num_transformer_submodules: 2,
    num_virtual_tokens: tokens,
    prefix_projection: false,
  }),
  tensorName: (parameter) => parameter,
}

/** Returns the sizes of a base that PEFT stores. It cuts rows of the width into heads, so the two must fit. */
function sizesOf(model: Model): Record<string, number> {
  const { heads, headWidth, encoderBlocks } = model.decoder as Decoder
  if (heads * headWidth !== model.width)
    fail('checkpoint_config', {
      subject: 'prefix tuning in the PEFT layout',
      expected: 'a base whose heads together are as wide as the model',
      found: `${heads} heads of ${headWidth} in a model of width ${model.width}`,
      fix: 'Use another method with this base.',
    })
  return { num_attention_heads: heads, num_layers: encoderBlocks, token_dim: model.width }
}
