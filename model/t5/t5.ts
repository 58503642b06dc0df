import { addDims } from '../../graph/dim.ts'
import { add, cast, gelu, mul, relu, scale, sub } from '../../graph/ops/elementwise.ts'
import { gather } from '../../graph/ops/gather.ts'
import { clamp } from '../../graph/ops/index-math.ts'
import { input, scalar } from '../../graph/ops/leaf.ts'
import { rmsNorm } from '../../graph/ops/normal.ts'
import { reshape } from '../../graph/ops/shape.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Dim } from '../../graph/types.ts'
import { linear } from '../linear.ts'
import type { SubLayer } from '../modules.ts'
import { absorbedCrossAttention, adaptedLinear, selfAttention } from './attention.ts'
import type { T5Config } from './config.ts'
import type { T5Context } from './context.ts'
import { positionBias, relativePositions } from './position-bias.ts'
import { moduleOf, subLayers } from './tensors.ts'

/** Subtracted from attention scores that are masked: large enough that their exponential is zero in f32. */
const MASKED = 1e9

/**
 * The inputs of a forward pass: token ids i32 [B, S], a mask f32 [B, S] of ones and zeros, decoder ids i32 [B, T] with
 * a fixed T.
 */
export interface Batch {
  inputIds: Tensor
  attentionMask: Tensor
  decoderInputIds: Tensor
}

export interface Hidden {
  /** The encoder's output [B, S, E], prompt rows included. */
  encoder: Tensor
  /** The decoder's output [B, T, E], scaled for the head. */
  decoder: Tensor
}

/**
 * Returns the batch's inputs: `input_ids` i32 and `attention_mask` f32 [batch, source], `decoder_input_ids` i32 [batch,
 * target].
 */
export const batchInputs = (target: number): Batch => ({
  inputIds: input('input_ids', 'i32', ['batch', 'source']),
  attentionMask: input('attention_mask', 'f32', ['batch', 'source']),
  decoderInputIds: input('decoder_input_ids', 'i32', ['batch', target]),
})

/** Runs T5's encoder and decoder. {@link logits} and {@link wordLogits} apply the head to the decoder's output. */
export function t5({ inputIds, attentionMask, decoderInputIds }: Batch, context: T5Context): Hidden {
  const { encoder, maskBias } = encode(inputIds, attentionMask, context)
  const [b, s] = maskBias.shape
  const crossBias = reshape(maskBias, [b, 1, s])
  const decoder = decode(
    decoderInputIds,
    {
      past: 0,
      self: (name, x, bias) => selfAttention(name, x, bias, context),
      cross: (name, x) => absorbedCrossAttention(name, x, encoder, crossBias, context),
    },
    context,
  )
  return { encoder, decoder }
}

/** Runs the encoder: its output [B, S, E] and the bias [B, S] that hides padding, both with prompt rows. */
export function encode(
  inputIds: Tensor,
  attentionMask: Tensor,
  context: T5Context,
): { encoder: Tensor; maskBias: Tensor } {
  const embedded = gather(context.weight('shared.weight'), inputIds) // [B, S, E]
  const [source, mask] = context.edits.encoderInput(embedded, attentionMask)
  const maskBias = maskBiasOf(mask)
  const [b, s] = source.shape.slice(0, 2)
  const bias = add(stackBias('encoder', source, context), reshape(maskBias, [b, 1, 1, s])) // [B, H, S, S]
  let h = drop(source, context)
  for (const layer of layersOf('encoder', context)) {
    const f =
      layer.kind === 'feedForward'
        ? feedForward(layer, norm(layer.name, h, context), context)
        : selfAttention(moduleOf(layer), norm(layer.name, h, context), bias, context)
    h = add(h, context.edits.output(layer, h, drop(f, context)))
  }
  return { encoder: drop(finalNorm('encoder', h, context), context), maskBias }
}

/** Returns what is added to attention scores, from a mask of ones and zeros. */
export const maskBiasOf = (mask: Tensor): Tensor => scale(sub(mask, scalar(1)), MASKED)

/** How the decoder attends to its own positions and to the encoder. */
export interface DecoderAttention {
  /** How many positions it has decoded before those of its input. */
  readonly past: Dim
  /** @param bias [1, H, T, n + T] */
  self(name: string, x: Tensor, bias: Tensor): Tensor
  cross(name: string, x: Tensor): Tensor
}

/** Runs the decoder: ids [B, T] -> its output [B, T, E], scaled for the head. */
export function decode(ids: Tensor, attention: DecoderAttention, context: T5Context): Tensor {
  const target = gather(context.weight('shared.weight'), ids) // [B, T, E]
  const before = addDims(context.edits.decoderPrefix, attention.past)
  const bias = add(stackBias('decoder', target, context, before), causalBias(target.shape[1], before))
  let h = drop(target, context)
  for (const layer of layersOf('decoder', context)) {
    const x = norm(layer.name, h, context)
    const f = {
      selfAttention: () => attention.self(moduleOf(layer), x, bias),
      crossAttention: () => attention.cross(moduleOf(layer), x),
      feedForward: () => feedForward(layer, x, context),
    }[layer.kind]()
    h = add(h, context.edits.output(layer, h, drop(f, context)))
  }
  const y = drop(finalNorm('decoder', h, context), context)
  return context.t5.scaleDecoderOutputs ? scale(y, context.t5.dModel ** -0.5) : y
}

/** The head over the whole vocabulary: y [.., E] -> logits [.., V]. */
export const logits = (y: Tensor, { weight, t5 }: T5Context): Tensor => linear(y, weight(headName(t5)))

/** The head over a few words: y [.., E], their token ids i32 [C] -> logits [.., C]. */
export const wordLogits = (y: Tensor, words: Tensor, { weight, t5 }: T5Context): Tensor =>
  linear(y, gather(weight(headName(t5)), words))

/** Returns the name of the matrix [V, E] that gives the logits. */
export const headName = ({ lmHead }: T5Config): string => (lmHead ? 'lm_head.weight' : 'shared.weight')

/** wo(act(wi x)), or gated wo(act(wi_0 x) · wi_1 x): x [B, S, E] -> [B, S, E]. */
function feedForward(layer: SubLayer, x: Tensor, context: T5Context): Tensor {
  const { gated, activation } = context.t5
  const activate = activation === 'gelu' ? gelu : relu
  const part = (which: string) => adaptedLinear(`${moduleOf(layer)}.${which}`, x, context) // [B, S, F]
  const inner = gated ? mul(activate(part('wi_0')), part('wi_1')) : activate(part('wi'))
  return adaptedLinear(layer.output, drop(inner, context), context)
}

const layersOf = (stack: string, { t5 }: T5Context): SubLayer[] =>
  subLayers(t5).filter(({ name }) => name.startsWith(stack))

const norm = (layer: string, h: Tensor, { weight, t5 }: T5Context): Tensor =>
  rmsNorm(h, weight(`${layer}.layer_norm.weight`), t5.layerNormEpsilon)

const finalNorm = (stack: string, h: Tensor, { weight, t5 }: T5Context): Tensor =>
  rmsNorm(h, weight(`${stack}.final_layer_norm.weight`), t5.layerNormEpsilon)

/**
 * Returns the position bias [1, H, T, n + T] that all blocks of a stack share. Its table belongs to the first block.
 * @param before n, the positions before those of x. Defaults to none
 */
function stackBias(stack: 'encoder' | 'decoder', x: Tensor, { weight, t5 }: T5Context, before: Dim = 0): Tensor {
  const table = weight(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`)
  return positionBias(table, x.shape[1], stack === 'encoder', t5.relativeAttentionMaxDistance, before)
}

/** Returns a bias [T, n + T] that hides later positions from each row. */
const causalBias = (t: Dim, before: Dim): Tensor =>
  scale(cast(clamp(relativePositions(t, before), 0, 1), 'f32'), -MASKED)

const drop = (x: Tensor, { dropout }: T5Context): Tensor => (dropout ? mul(x, dropout.mask(x.shape)) : x)
