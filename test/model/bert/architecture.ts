import { fail } from '../../../core/errors.ts'
import type { Architecture, Model } from '../../../model/architecture.ts'
import type { Linear, SubLayer } from '../../../model/modules.ts'
import type { NamedShape } from '../../../model/tensor-shapes.ts'
import { type BertConfig, bertLogits } from './bert.ts'

// #region architecture
/** A second architecture, which proves that nothing outside its folder depends on it. */
export const bert: Architecture = {
  name: 'bert',
  recognizes: (json) => json.model_type === 'bert',
  parseConfig: (json) => ({ ...(json as BertConfig), architecture: 'bert' }),
  describe: (config) => describe(config as BertConfig),
}
// #endregion

// #region model
function describe(config: BertConfig): Model {
  const subLayers = Array.from({ length: config.num_hidden_layers }, (_, i) => subLayersOf(i)).flat()
  return {
    config,
    width: config.hidden_size,
    vocabSize: config.vocab_size,
    classIdCount: config.num_labels,
    padTokenId: config.pad_token_id,
    frame: { before: [config.cls_token_id], after: [config.sep_token_id] },
    embedding: 'bert.embeddings.word_embeddings.weight',
    tensors: tensorsOf(config, subLayers),
    linears: linearsOf(config, subLayers),
    subLayers,
    head: ['classifier.weight', 'classifier.bias'],
    layers: subLayers.map(({ output }) => output.replace(/\.dense$/, '')),
    layerOf: (input) => layerOf(input, subLayers),
    labelTokens(words) {
      const labels = Object.keys(words).sort()
      if (labels.length !== config.num_labels)
        fail('label_words', {
          subject: 'the labels',
          expected: `${config.num_labels} labels, one for each row of the head`,
          found: labels.join(', '),
          fix: 'Use a base whose head fits the data.',
        })
      return { labels, tokens: labels.map((_, i) => i), words }
    },
    classLogits: (context) => bertLogits({ ...context, bert: config }, subLayers),
    classInputs: () => ({}),
    rowInputs: () => ({}),
    objective: (loss) => ({
      positions: 1,
      logits(context) {
        if (loss === 'vocabulary')
          fail('method_invalid', {
            subject: 'loss',
            expected: 'labels',
            found: 'vocabulary',
            fix: 'Use --loss labels: this model does not generate text.',
          })
        return bertLogits({ ...context, bert: config }, subLayers)
      },
      constants: {},
      inputs: (labels, rowsInStep) => ({
        labels: Int32Array.from(labels),
        label_weights: new Float32Array(labels.length).fill(1 / rowsInStep),
      }),
    }),
  }
}
// #endregion

function subLayersOf(i: number): SubLayer[] {
  const layer = `bert.encoder.layer.${i}`
  return [
    { name: `${layer}.attention`, kind: 'selfAttention', output: `${layer}.attention.output.dense` },
    { name: layer, kind: 'feedForward', output: `${layer}.output.dense` },
  ]
}

function linearsOf({ hidden_size: e, intermediate_size: f }: BertConfig, subLayers: readonly SubLayer[]): Linear[] {
  return subLayers.flatMap(({ name, kind, output }) => {
    if (kind === 'feedForward')
      return [
        { name: `${name}.intermediate.dense`, inputs: e, outputs: f },
        { name: output, inputs: f, outputs: e },
      ]
    const parts = ['query', 'key', 'value'].map((part) => ({ name: `${name}.self.${part}`, inputs: e, outputs: e }))
    return [...parts, { name: output, inputs: e, outputs: e }]
  })
}

function tensorsOf(config: BertConfig, subLayers: readonly SubLayer[]): NamedShape[] {
  const e = config.hidden_size
  const norm = (name: string) => [
    { name: `${name}.weight`, shape: [e] },
    { name: `${name}.bias`, shape: [e] },
  ]
  return [
    { name: 'bert.embeddings.word_embeddings.weight', shape: [config.vocab_size, e] },
    { name: 'bert.embeddings.position_embeddings.weight', shape: [config.max_position_embeddings, e] },
    ...norm('bert.embeddings.LayerNorm'),
    ...linearsOf(config, subLayers).flatMap(({ name, inputs, outputs }) => [
      { name: `${name}.weight`, shape: [outputs, inputs] },
      { name: `${name}.bias`, shape: [outputs] },
    ]),
    ...subLayers.flatMap(({ output }) => norm(output.replace(/dense$/, 'LayerNorm'))),
    { name: 'classifier.weight', shape: [config.num_labels, e] },
    { name: 'classifier.bias', shape: [config.num_labels] },
  ]
}

function layerOf(input: string, subLayers: readonly SubLayer[]): string | undefined {
  if (input.startsWith('bert.embeddings.') || input === 'prompt_embeddings') return 'embedding'
  if (input.startsWith('classifier.')) return 'head'
  const place = subLayers.find(({ name, output }) => input.startsWith(name) || input.startsWith(output))
  return place?.output.replace(/\.dense$/, '')
}
