import type { Values } from '../graph/runtime/session.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Shape } from '../graph/types.ts'
import type { ChosenWords } from './choose-label-words.ts'
import type { Context } from './context.ts'
import type { LabelTokens } from './label-words.ts'
import type { Linear, SubLayer } from './modules.ts'
import type { FileTensor, NamedShape } from './tensor-shapes.ts'
import type { Tokenizer } from './tokenizer.ts'

/** The sizes and choices of a model as plain data, to store with a base or to send to a thread. */
export interface ModelConfig {
  /** The name of the architecture that can read the other fields. */
  readonly architecture: string
}

/** A family of models, such as T5. To add one, write its folder and list it in architectures.ts. */
export interface Architecture {
  readonly name: string
  /** Returns whether a `config.json` in Hugging Face's format describes a model of this family. */
  recognizes(json: Readonly<Record<string, unknown>>): boolean
  /**
   * Reads a `config.json` together with the tensors stored beside it. Removes from `tensors` what a file may hold in
   * addition to the model's own tensors, such as copies of a tied embedding. Called first without the tensors' values,
   * to compare the shapes before anything is read, and again with them.
   *
   * @param subject names the file in errors
   * @throws GraftError `base_incomplete`
   */
  parseConfig(json: unknown, tensors: Map<string, FileTensor>, subject: string): ModelConfig
  /** Describes the model of a configuration that `parseConfig` returned. */
  describe(config: ModelConfig): Model
}

/**
 * Everything that tuning methods, training, serving and checkpoints need to know about a model. B batch, S source
 * length, C classes, E width, V vocabulary.
 */
export interface Model {
  readonly config: ModelConfig
  /** E. */
  readonly width: number
  /** V. */
  readonly vocabSize: number
  /** The number of classes or tokens that `classLogits` can score. `classInputs` takes numbers below it. */
  readonly classIdCount: number
  readonly padTokenId: number
  /** Token ids before and after every text. Added if the tokenizer does not add them itself. */
  readonly frame: { readonly before: readonly number[]; readonly after: readonly number[] }
  /** The name of the token embeddings [V, E]. */
  readonly embedding: string
  /** The name of the matrix [V, E] that gives the logits of the vocabulary. Not set if the model has none. */
  readonly outputEmbedding?: string
  /** Every tensor, under its name in Hugging Face's `model.safetensors`. */
  readonly tensors: readonly NamedShape[]
  /** Every Linear that methods may adapt, under the names of Hugging Face's modules. */
  readonly linears: readonly Linear[]
  /** In the order in which they run. */
  readonly subLayers: readonly SubLayer[]
  /** The decoder, as methods may change it. Not set if the model has none. */
  readonly decoder?: Decoder
  /** Names of tensors that every method trains in addition to its own, such as a classification head. */
  readonly head: readonly string[]
  /** The layers between embedding and head, in the order in which they run. Profiles and ONNX node names use them. */
  readonly layers: readonly string[]
  /**
   * Returns the layer that reads an input of a program: one of `layers`, `embedding` or `head`. Undefined for other
   * inputs.
   */
  layerOf(input: string): string | undefined

  /**
   * Returns the token or class number that scores each label.
   * @throws GraftError `label_words` if the model cannot score these labels
   */
  labelTokens(words: Readonly<Record<string, string>>, tokenizer: Tokenizer): LabelTokens
  /**
   * Chooses the word that scores each label. Not set if the model does not score labels by words.
   * @param words those that the user set, and the defaults of the base
   */
  chooseLabelWords?(
    labels: readonly string[],
    words: { set?: LabelTokens['words']; defaults?: LabelTokens['words'] },
    tokenizer: Tokenizer,
  ): ChosenWords
  /**
   * Returns class logits [B, 1, C] for the inputs `input_ids` and `attention_mask` [B, S].
   * @param classes [C], or [B, C] if each row has its own classes
   */
  classLogits(context: Context, classes: Shape): Tensor
  /** Returns the inputs that select the classes of `classLogits`, from label tokens in the shape of `classes`. */
  classInputs(tokens: ArrayLike<number>): Values
  /** Returns the other inputs that `classLogits` needs for a batch of this many rows, such as decoder ids. */
  rowInputs(rows: number): Values
  /**
   * Returns the training objective.
   * @param loss `labels`: cross-entropy over the labels only; `vocabulary`: over the whole vocabulary, as the model was
   * pretrained
   * @param tokens the token of each label, in the order of the labels
   * @throws GraftError `method_invalid` if the model has no such objective
   */
  objective(loss: LossName, tokens: readonly number[]): Objective
  /** Teacher forcing over the whole vocabulary. Not set if the model cannot generate text. */
  readonly generation?: Generation
  /** The states and logits that the objectives of pretraining read. Not set if the model cannot be pretrained. */
  readonly pretraining?: Pretraining
  /** The model as two parts that run one after the other. Not set if it is not an encoder with a decoder. */
  readonly encoderDecoder?: EncoderDecoder
}

/** The attention of a decoder to its own positions. */
export interface Decoder {
  /** The names of its self-attentions, in the order in which they run. */
  readonly selfAttentions: readonly string[]
  readonly heads: number
  /** The width of a head's keys and values. */
  readonly headWidth: number
  /** The number of blocks of the encoder. */
  readonly encoderBlocks: number
}

export const lossNames = ['labels', 'vocabulary'] as const
export type LossName = (typeof lossNames)[number]

/**
 * The quantity that a training step minimizes: cross-entropy of `logits` against `labels`, weighted by `label_weights`.
 */
export interface Objective {
  /** Label positions of each row: T. */
  readonly positions: number
  /** Returns logits [B, T, C]. */
  logits(context: Context): Tensor
  /** Inputs that are the same in every batch. */
  readonly constants: Values
  /**
   * Returns `labels` and `label_weights` [B, T] and any further inputs; the weights make the loss of a whole step a
   * mean.
   */
  inputs(labels: readonly number[], rowsInStep: number): Values
}

/** The model as a generator of text. */
export interface Generation {
  /** Returns logits [B, T, V] of T target positions. */
  logits(context: Context, positions: number): Tensor
  /** Returns the inputs that make the model predict these target token ids, all of one length. */
  inputs(targets: readonly (readonly number[])[]): Values
}

/** The states of a forward pass on `input_ids` and `attention_mask` [B, S]. */
export interface States {
  /** The encoder's output for each token [B, S, E]. */
  readonly tokens: Tensor
  /** The decoder's output at its first step, scaled for the head [B, 1, E]. */
  readonly first: Tensor
}

/** The model as the objectives of pretraining see it. */
export interface Pretraining {
  states(context: Context): States
  /** Returns the logits of every token at the decoder's first step [B, 1, V]. */
  logits(states: States, context: Context): Tensor
  /** Returns the logits of some tokens at the decoder's first step [B, 1, C]. `words` i32 [C] holds their ids. */
  wordLogits(states: States, words: Tensor, context: Context): Tensor
}

/** Keys and values [B, H, T, D] of an attention. */
export interface KeysAndValues {
  readonly key: Tensor
  readonly value: Tensor
}

/** The keys and values of a decoder's block: those of its own positions, and those of the encoder's. */
export interface BlockCache {
  readonly decoder: KeysAndValues
  readonly encoder: KeysAndValues
}

/** The input of a decoder's step. */
export interface DecoderStep {
  /** Token ids [B, T]. */
  readonly ids: Tensor
  /** The mask f32 [B, S] of the text, without positions that the tuning method adds. */
  readonly mask: Tensor
  /** The encoder's output. Not read if there is a cache. */
  readonly states: Tensor
  /** The cache of the step before. Not set at the first step. */
  readonly past?: readonly BlockCache[]
}

/** An encoder and a decoder that takes its steps one by one, as other runtimes run them. */
export interface EncoderDecoder {
  /** The token that the decoder reads at its first step. */
  readonly startTokenId: number
  /** Returns the encoder's output for token ids [B, S] and their mask f32 [B, S]. */
  encode(context: Context, ids: Tensor, mask: Tensor): Tensor
  /** Returns the logits [B, T, V] of a step, and the cache for the next one. */
  decode(context: Context, step: DecoderStep): { logits: Tensor; cache: readonly BlockCache[] }
}
