import type { Base } from '../../../checkpoint/base.ts'
import type { Random } from '../../../core/random.ts'
import type { Values } from '../../../graph/runtime/session.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import type { Symbols } from '../../../graph/types.ts'
import type { Model, Pretraining, States } from '../../../model/architecture.ts'
import type { Context } from '../../../model/context.ts'
import type { Parameter } from '../../../model/method.ts'
import type { Tokenizer } from '../../../model/tokenizer.ts'
import type { Corpus } from '../corpus.ts'
import type { Segment } from '../segments.ts'

/** The model and the corpus that an objective is made for. */
export interface ObjectiveSetting {
  /** Distinguishes the inputs and heads of the objectives of a pretraining. */
  name: string
  base: Base
  model: Model
  /** The states and logits of the model. */
  pretraining: Pretraining
  tokenizer: Tokenizer
  corpus: Corpus
  /** Names the corpus in errors. */
  path: string
  /** The largest number of tokens of a segment. */
  maxTokens: number
}

/** A segment as the model reads it: its tokens, framed, which an objective may have changed. */
export interface Example {
  segment: Segment
  /** The position in the corpus of `ids[0]` is `segment.from`, unless an objective changed the tokens. */
  ids: Int32Array
  /** The tokens that an objective removed. */
  removed: readonly number[]
}

/** The forward pass that losses are computed from. B segments, S source length, E width. */
export interface Forward {
  context: Context
  /** Returns the states of the model. They are computed once for all objectives of a task. */
  states(): States
  /** f32 [B, S]: 1 for a token, 0 for padding. */
  mask: Tensor
}

/** A quantity that pretraining minimizes. */
export interface Objective {
  /** Trained tensors that only this objective uses. They are discarded afterwards. */
  readonly heads: readonly Parameter[]
  /** Inputs that are the same in every batch. */
  readonly constants: Values
  /** Changes the tokens of a segment before the model reads them. Not set if the objective reads them as they are. */
  corrupt?(ids: Int32Array, random: Random): { ids: Int32Array; removed: readonly number[] }
  /** Returns the number of items over which the loss is a mean. The items of a step are counted before it runs. */
  count(example: Example): number
  /** Returns the sum of the losses of a batch's items, each divided by the number of items of the step. */
  loss(forward: Forward): Tensor
  /** Returns the inputs of a batch, and the sizes that they have. */
  inputs(examples: readonly Example[], source: number, countOfStep: number): { feeds: Values; symbols: Symbols }
}
