import { z } from 'zod'
import { describeIssue } from '../../core/describe.ts'
import { fail } from '../../core/errors.ts'
import { IN_OUR_WORDS } from '../../core/expectation.ts'
import type { ModelConfig } from '../architecture.ts'

/** The sizes of a T5 (Raffel et al. 2020, arXiv 1910.10683), its v1.1 or a FLAN-T5, as in Hugging Face's T5Config. */
export interface T5Config extends ModelConfig {
  readonly architecture: 't5'
  vocabSize: number
  dModel: number
  dKv: number
  dFf: number
  numLayers: number
  numDecoderLayers: number
  numHeads: number
  relativeAttentionNumBuckets: number
  relativeAttentionMaxDistance: number
  layerNormEpsilon: number
  activation: 'relu' | 'gelu'
  /** True if the feed-forward is gated, as in v1.1: wo(act(wi_0 x) · wi_1 x). */
  gated: boolean
  /** True if the head has its own matrix, `lm_head.weight`. Otherwise it uses `shared.weight`. */
  lmHead: boolean
  /** True if decoder outputs are scaled by d_model^-0.5 before the head. */
  scaleDecoderOutputs: boolean
  dropoutRate: number
  padTokenId: number
  eosTokenId: number
  decoderStartTokenId: number
}

const size = z.int().positive()

/** Far more than any T5 has. A model's tensors are listed before they are compared with those of its file. */
const layers = size.max(1000)

const t5ConfigJson = z
  .object({
    model_type: z.literal('t5').default('t5'),
    vocab_size: size,
    d_model: size,
    d_kv: size,
    d_ff: size,
    num_layers: layers,
    num_decoder_layers: layers.nullish(),
    num_heads: size,
    // With fewer than four buckets, neither the library nor the paper defines those of the encoder.
    relative_attention_num_buckets: size.min(4).default(32),
    relative_attention_max_distance: size.default(128),
    layer_norm_epsilon: z.number().positive().default(1e-6),
    feed_forward_proj: z.enum(['relu', 'gated-gelu', 'gated-relu', 'gelu_new', 'gated-gelu_new']).default('relu'),
    dropout_rate: z.number().min(0).lt(1).default(0.1),
    tie_word_embeddings: z.boolean().default(true),
    scale_decoder_outputs: z.boolean().optional(),
    pad_token_id: z.int().nonnegative().default(0),
    eos_token_id: z.int().nonnegative().default(1),
    decoder_start_token_id: z.int().nonnegative().default(0),
  })
  .refine((c) => c.relative_attention_max_distance > c.relative_attention_num_buckets / 2, {
    path: ['relative_attention_max_distance'],
    message: 'more than half of relative_attention_num_buckets',
  })

/**
 * Reads Hugging Face's `config.json`. transformers 5 writes `tie_word_embeddings: true` for every T5 and keeps the old
 * meaning in `scale_decoder_outputs`, so only the weights file shows whether the head is separate.
 *
 * @param lmHead whether the weights file holds `lm_head.weight`
 * @throws GraftError `base_incomplete`
 */
export function parseT5Config(json: unknown, lmHead: boolean, subject = 'config.json'): T5Config {
  const parsed = t5ConfigJson.safeParse(json, IN_OUR_WORDS)
  if (!parsed.success) {
    const { key, expected, found } = describeIssue(parsed.error, json)
    fail('base_incomplete', {
      subject: key ? `${subject}, ${key}` : subject,
      expected,
      found,
      fix: 'Use the config.json of a T5 as transformers saves it.',
    })
  }
  const c = parsed.data
  return {
    architecture: 't5',
    vocabSize: c.vocab_size,
    dModel: c.d_model,
    dKv: c.d_kv,
    dFf: c.d_ff,
    numLayers: c.num_layers,
    numDecoderLayers: c.num_decoder_layers ?? c.num_layers,
    numHeads: c.num_heads,
    relativeAttentionNumBuckets: c.relative_attention_num_buckets,
    relativeAttentionMaxDistance: c.relative_attention_max_distance,
    layerNormEpsilon: c.layer_norm_epsilon,
    activation: c.feed_forward_proj.includes('gelu') ? 'gelu' : 'relu',
    gated: c.feed_forward_proj.startsWith('gated'),
    lmHead,
    scaleDecoderOutputs: c.scale_decoder_outputs ?? c.tie_word_embeddings,
    dropoutRate: c.dropout_rate,
    padTokenId: c.pad_token_id,
    eosTokenId: c.eos_token_id,
    decoderStartTokenId: c.decoder_start_token_id,
  }
}

/** The published T5-small (`google-t5/t5-small`): 60,506,624 parameters. */
export const T5_SMALL: T5Config = parseT5Config(
  { vocab_size: 32128, d_model: 512, d_kv: 64, d_ff: 2048, num_layers: 6, num_decoder_layers: 6, num_heads: 8 },
  false,
)
