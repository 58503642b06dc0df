import { expect, test } from 'vitest'
import { parseT5Config } from '../../../model/t5/config.ts'
import { expectError } from '../../checkpoint/helpers.ts'

const minimalConfig = { vocab_size: 32128, d_model: 512, d_kv: 64, d_ff: 2048, num_layers: 6, num_heads: 8 }

test('settings that are not set have the defaults of transformers', () => {
  expect(parseT5Config(minimalConfig, false)).toEqual({
    architecture: 't5',
    vocabSize: 32128,
    dModel: 512,
    dKv: 64,
    dFf: 2048,
    numLayers: 6,
    numDecoderLayers: 6,
    numHeads: 8,
    relativeAttentionNumBuckets: 32,
    relativeAttentionMaxDistance: 128,
    layerNormEpsilon: 1e-6,
    activation: 'relu',
    gated: false,
    lmHead: false,
    scaleDecoderOutputs: true,
    dropoutRate: 0.1,
    padTokenId: 0,
    eosTokenId: 1,
    decoderStartTokenId: 0,
  })
})

test.each([
  ['relu', 'relu', false],
  ['gated-gelu', 'gelu', true],
  ['gated-relu', 'relu', true],
  ['gelu_new', 'gelu', false],
])('the feed-forward %s is supported', (feed_forward_proj, activation, gated) => {
  expect(parseT5Config({ ...minimalConfig, feed_forward_proj }, false)).toMatchObject({ activation, gated })
})

test.each([
  ['transformers 4, tied', { tie_word_embeddings: true }, true],
  ['transformers 4, untied', { tie_word_embeddings: false }, false],
  ['transformers 5, originally tied', { tie_word_embeddings: true, scale_decoder_outputs: true }, true],
  ['transformers 5, originally untied', { tie_word_embeddings: true, scale_decoder_outputs: false }, false],
])('the scaling of outputs is read from a config of %s', (_, settings, scaled) => {
  for (const lmHead of [false, true])
    expect(parseT5Config({ ...minimalConfig, ...settings }, lmHead)).toMatchObject({
      scaleDecoderOutputs: scaled,
      lmHead,
    })
})

test.each([
  ['model_type', 'bart'],
  ['d_model', 0],
  ['num_layers', 2.5],
  ['num_heads', '8'],
  ['layer_norm_epsilon', 0],
  ['feed_forward_proj', 'gated-silu'],
  ['dropout_rate', 1],
  ['relative_attention_num_buckets', 3],
  ['relative_attention_max_distance', 16],
])('a %s of %j is rejected with the value', async (field, value) => {
  const parsed = async () => parseT5Config({ ...minimalConfig, [field]: value }, false, 'its config.json')
  await expectError(parsed(), 'base_incomplete', `its config.json, ${field}`, JSON.stringify(value))
})

test.each([
  ['a config without a size', { ...minimalConfig, d_ff: undefined }, 'd_ff'],
  ['a config that is null', null, 'config.json'],
])('%s is rejected', async (_, json, named) => {
  const parsed = async () => parseT5Config(json, false)
  await expectError(parsed(), 'base_incomplete', named)
})
