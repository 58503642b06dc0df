import { input } from '../graph/ops/leaf.ts'
import { type Program, program } from '../graph/program.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Context } from './context.ts'
import { combine } from './edits.ts'
import { type MethodConfig, methodNamed } from './methods/registry.ts'
import type { T5Config } from './t5/config.ts'
import { logits, t5, wordLogits } from './t5/t5.ts'
import { baseTensors, type NamedShape } from './t5/tensors.ts'

/** A model with a method's tensors in place: what training differentiates and what serving runs. */
export interface Tuned {
  readonly context: Context
  /** The method's tensors, each an input under its own name. */
  readonly trained: ReadonlyMap<string, Tensor>
}

/** Base tensors are inputs under their names in Hugging Face's file, except those that the method trains: they are its own. */
export function tuned(config: T5Config, method: MethodConfig, dropout?: Context['dropout']): Tuned {
  const { parameters, edits } = methodNamed(method.method)
  const trained = inputsOf(parameters(method, config))
  const base = weightInputs(config)
  const weight = (name: string) => trained.get(name) ?? (base.get(name) as Tensor)
  return {
    context: { t5: config, weight, edits: combine([edits(method, (name) => trained.get(name), config)]), dropout },
    trained,
  }
}

/** Every tensor of the base as an input under its own name. */
export const weightInputs = (config: T5Config): Map<string, Tensor> => inputsOf(baseTensors(config))

const inputsOf = (tensors: readonly NamedShape[]) =>
  new Map(tensors.map(({ name, shape }) => [name, input(name, 'f32', shape)]))

/** The batch's inputs: `input_ids` i32 [batch, source], `attention_mask` f32 [batch, source], `decoder_input_ids` i32 [batch, target]. */
export const batchInputs = (target: number) => ({
  inputIds: input('input_ids', 'i32', ['batch', 'source']),
  attentionMask: input('attention_mask', 'f32', ['batch', 'source']),
  decoderInputIds: input('decoder_input_ids', 'i32', ['batch', target]),
})

/** The scores of a batch [batch, target, C]: of `words` (an i32 input of C token ids) where their number is given, else of the vocabulary. */
export function scores(context: Context, target: number, words?: number): Tensor {
  const { decoder } = t5(batchInputs(target), context)
  return words ? wordLogits(decoder, input('words', 'i32', [words]), context) : logits(decoder, context)
}

/** The forward pass of classification: `scores` [batch, 1, words] of the label words at the decoder's first step. */
export function classifierProgram(config: T5Config, method: MethodConfig, words: number): Program {
  return program(`${method.method} classifier`, { scores: scores(tuned(config, method).context, 1, words) })
}
