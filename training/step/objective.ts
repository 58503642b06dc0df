import type { Values } from '../../graph/runtime/session.ts'
import type { T5Config } from '../../model/t5/config.ts'
import type { Objective } from './gradient-program.ts'

/** A training's loss in the terms of its program: what is fed as decoder input and as labels. */
export interface Target extends Objective {
  /** Fed with every batch. */
  readonly bound: Values
  /** The batch's `decoder_input_ids`, `labels` and `label_weights`; the weights make the whole step a mean. */
  feeds(labels: readonly number[], rowsInStep: number): Values
}

/**
 * @param loss `labels`: the label words compete alone, at the decoder's first step. `vocabulary`: as T5 is trained, the label word and
 * then the end of sequence, each against every token
 * @param tokens the token id of each label's word, in the order of the labels
 */
export function objective(loss: 'labels' | 'vocabulary', tokens: readonly number[], t5: T5Config): Target {
  const { decoderStartTokenId: start, eosTokenId: eos } = t5
  if (loss === 'labels')
    return {
      target: 1,
      words: tokens.length,
      bound: { words: Int32Array.from(tokens) },
      feeds: (labels, rowsInStep) => ({
        decoder_input_ids: new Int32Array(labels.length).fill(start),
        labels: Int32Array.from(labels),
        label_weights: new Float32Array(labels.length).fill(1 / rowsInStep),
      }),
    }
  return {
    target: 2,
    bound: {},
    feeds: (labels, rowsInStep) => ({
      decoder_input_ids: Int32Array.from(labels.flatMap((label) => [start, tokens[label]])),
      labels: Int32Array.from(labels.flatMap((label) => [tokens[label], eos])),
      label_weights: new Float32Array(2 * labels.length).fill(1 / (2 * rowsInStep)),
    }),
  }
}
