import { cast } from '../graph/ops/elementwise.ts'
import { input } from '../graph/ops/leaf.ts'
import { buildProgram, type Program } from '../graph/program.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Shape } from '../graph/types.ts'
import type { BlockCache, EncoderDecoder, KeysAndValues, Model } from './architecture.ts'
import type { MethodConfig } from './methods/registry.ts'
import { applyMethod } from './programs.ts'

/** The symbols of sizes, as Hugging Face's Optimum names them. transformers.js reads the first. */
const BATCH = 'batch_size'
const SOURCE = 'encoder_sequence_length'
const TARGET = 'decoder_sequence_length'
const PAST = 'past_decoder_sequence_length'

/**
 * Returns the symbols of one run of a step program.
 * @param past the positions in the cache. Defaults to none
 */
export const stepSizes = ({
  batch,
  source,
  target = 1,
  past = 0,
}: {
  batch: number
  source: number
  target?: number
  past?: number
}): Record<string, number> => ({ [BATCH]: batch, [SOURCE]: source, [TARGET]: target, [PAST]: past })

/** The programs of an encoder and a decoder that takes its steps one by one. */
export interface StepPrograms {
  /** `input_ids`, `attention_mask` -> `last_hidden_state`. */
  readonly encoder: Program
  /** `input_ids`, `encoder_attention_mask`, `encoder_hidden_states` -> `logits`, `present.N.…`. */
  readonly first: Program
  /** `input_ids`, `encoder_attention_mask`, `past_key_values.N.…` -> `logits`, `present.N.…`. */
  readonly next: Program
}

/**
 * Returns a model with a method applied to it as step programs, with the inputs and outputs of Optimum: ids and masks
 * are i64. A mask is that of the text, without positions that the method adds.
 */
export function stepPrograms(model: Model, parts: EncoderDecoder, method: MethodConfig): StepPrograms {
  const { context } = applyMethod(model, method)
  const ids = (length: string) => input('input_ids', 'i64', [BATCH, length])
  const maskOf = (name: string) => cast(input(name, 'i64', [BATCH, SOURCE]), 'f32')
  const encoded = parts.encode(context, ids(SOURCE), maskOf('attention_mask'))
  const step = {
    ids: ids(TARGET),
    mask: maskOf('encoder_attention_mask'),
    states: input('encoder_hidden_states', 'f32', encoded.shape),
  }
  const first = parts.decode(context, step)
  const next = parts.decode(context, { ...step, past: first.cache.map(toPast) })
  return {
    encoder: buildProgram('encoder', { last_hidden_state: encoded }),
    first: buildProgram('decoder', { logits: first.logits, ...presentOf(first.cache) }),
    next: buildProgram('decoder with past', { logits: next.logits, ...presentOf(next.cache) }),
  }
}

/** Returns inputs of the types of a block's cache. */
function toPast({ decoder, encoder }: BlockCache, block: number): BlockCache {
  const toInputs = (part: string, { key, value }: KeysAndValues, shapeOf: (x: Tensor) => Shape): KeysAndValues => ({
    key: input(`past_key_values.${block}.${part}.key`, 'f32', shapeOf(key)),
    value: input(`past_key_values.${block}.${part}.value`, 'f32', shapeOf(value)),
  })
  return {
    decoder: toInputs('decoder', decoder, ({ shape: [b, h, , d] }) => [b, h, PAST, d]),
    encoder: toInputs('encoder', encoder, ({ shape }) => shape),
  }
}

const presentOf = (cache: readonly BlockCache[]): Record<string, Tensor> =>
  Object.fromEntries(
    cache.flatMap(({ decoder, encoder }, block) =>
      Object.entries({ decoder, encoder }).flatMap(([part, { key, value }]) => [
        [`present.${block}.${part}.key`, key],
        [`present.${block}.${part}.value`, value],
      ]),
    ),
  )
