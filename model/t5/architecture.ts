import type { Architecture, Model } from '../architecture.ts'
import { chooseLabelWords } from '../choose-label-words.ts'
import { labelTokens } from '../label-words.ts'
import type { T5Config } from './config.ts'
import { layerOf, layers } from './layers.ts'
import { classLogits, generation, objective, pretraining } from './objective.ts'
import { encoderDecoder } from './steps.ts'
import { headName } from './t5.ts'
import { baseTensors, linears, moduleOf, subLayers } from './tensors.ts'
import { parseWithTensors } from './tied-copies.ts'

/**
 * T5 (Raffel et al. 2020, arXiv 1910.10683), its v1.1 and FLAN-T5. Classifies by label words at the decoder's first
 * step.
 */
export const t5Architecture: Architecture = {
  name: 't5',
  recognizes: (json) => json.model_type === 't5' || 'd_model' in json,
  parseConfig: parseWithTensors,
  describe: (config) => describe(config as T5Config),
}

const describe = (config: T5Config): Model => ({
  config,
  width: config.dModel,
  vocabSize: config.vocabSize,
  classIdCount: config.vocabSize,
  padTokenId: config.padTokenId,
  frame: { before: [], after: [config.eosTokenId] },
  embedding: 'shared.weight',
  outputEmbedding: headName(config),
  tensors: baseTensors(config),
  linears: linears(config),
  subLayers: subLayers(config),
  decoder: {
    selfAttentions: subLayers(config)
      .filter(({ name, kind }) => name.startsWith('decoder.') && kind === 'selfAttention')
      .map(moduleOf),
    heads: config.numHeads,
    headWidth: config.dKv,
    encoderBlocks: config.numLayers,
  },
  head: [],
  layers: layers(config),
  layerOf: layerOf(config),
  labelTokens,
  chooseLabelWords,
  classLogits: (context, classes) => classLogits(config, context, classes),
  classInputs: (tokens) => ({ words: Int32Array.from(tokens) }),
  rowInputs: (rows) => ({ decoder_input_ids: new Int32Array(rows).fill(config.decoderStartTokenId) }),
  objective: (loss, tokens) => objective(config, loss, tokens),
  generation: generation(config),
  pretraining: pretraining(config),
  encoderDecoder: encoderDecoder(config),
})
