import { input } from '../../graph/ops/leaf.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Shape } from '../../graph/types.ts'
import type { Generation, LossName, Objective, Pretraining } from '../architecture.ts'
import type { Context } from '../context.ts'
import type { T5Config } from './config.ts'
import { batchInputs, logits, t5, wordLogits } from './t5.ts'

/**
 * Returns the logits [B, 1, C] of label words at the decoder's first step. `words` i32 [C] or [B, C] holds their token
 * ids.
 */
export function classLogits(config: T5Config, context: Context, classes: Shape): Tensor {
  const within = { ...context, t5: config }
  const { decoder } = t5(batchInputs(1), within)
  return wordLogits(decoder, input('words', 'i32', classes), within)
}

/** Returns the encoder's states and the decoder's first step. */
export const pretraining = (config: T5Config): Pretraining => ({
  states(context) {
    const { encoder, decoder } = t5(batchInputs(1), { ...context, t5: config })
    return { tokens: encoder, first: decoder }
  },
  logits: ({ first }, context) => logits(first, { ...context, t5: config }),
  wordLogits: ({ first }, words, context) => wordLogits(first, words, { ...context, t5: config }),
})

/** Returns T5's decoder under teacher forcing: the decoder reads the targets, shifted right behind the start token. */
export const generation = (config: T5Config): Generation => ({
  logits(context, positions) {
    const within = { ...context, t5: config }
    return logits(t5(batchInputs(positions), within).decoder, within)
  },
  inputs: (targets) => ({
    decoder_input_ids: Int32Array.from(targets.flatMap((ids) => [config.decoderStartTokenId, ...ids.slice(0, -1)])),
  }),
})

/**
 * Returns the objective of a training. With `labels`, the label words compete only with each other, at the decoder's
 * first step. With `vocabulary`, as T5 is pretrained, the decoder predicts the label word and then the end of the
 * sequence, each against every token.
 */
export function objective(config: T5Config, loss: LossName, tokens: readonly number[]): Objective {
  if (loss === 'labels')
    return {
      positions: 1,
      logits: (context) => classLogits(config, context, [tokens.length]),
      constants: { words: Int32Array.from(tokens) },
      inputs: (labels, rowsInStep) => ({
        decoder_input_ids: new Int32Array(labels.length).fill(config.decoderStartTokenId),
        labels: Int32Array.from(labels),
        label_weights: new Float32Array(labels.length).fill(1 / rowsInStep),
      }),
    }
  const { logits, inputs } = generation(config)
  return {
    positions: 2,
    logits: (context) => logits(context, 2),
    constants: {},
    inputs(labels, rowsInStep) {
      const targets = labels.map((label) => [tokens[label], config.eosTokenId])
      return {
        ...inputs(targets),
        labels: Int32Array.from(targets.flat()),
        label_weights: new Float32Array(2 * labels.length).fill(1 / (2 * rowsInStep)),
      }
    },
  }
}
