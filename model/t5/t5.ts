import { add, cast, gelu, mul, relu, scale, sub } from '../../graph/ops/elementwise.ts'
import { gather } from '../../graph/ops/gather.ts'
import { clamp, iota } from '../../graph/ops/index-math.ts'
import { scalar } from '../../graph/ops/leaf.ts'
import { rmsNorm } from '../../graph/ops/normal.ts'
import { reshape } from '../../graph/ops/shape.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Context } from '../context.ts'
import { project } from '../linear.ts'
import { absorbedCrossAttention, linear, selfAttention } from './attention.ts'
import { positionBias } from './position-bias.ts'
import { attentionName, type SubLayer, subLayers } from './tensors.ts'

/** Added to a score that must not count: large enough that its exponential is zero in f32. */
const MASKED = 1e9

/** What a forward pass reads: token ids i32 [B, S], mask f32 [B, S] of ones and zeros, decoder ids i32 [B, T] with a fixed T. */
export interface Batch {
  inputIds: Tensor
  attentionMask: Tensor
  decoderInputIds: Tensor
}

export interface Hidden {
  /** The encoder's output [B, S, E], prompt rows included. */
  encoder: Tensor
  /** The decoder's output [B, T, E], as the head takes it. */
  decoder: Tensor
}

/** Encoder and decoder of T5. Logits are the head's: {@link logits}, or those of a few words, {@link wordLogits}. */
export function t5({ inputIds, attentionMask, decoderInputIds }: Batch, context: Context): Hidden {
  const embedded = gather(context.weight('shared.weight'), inputIds) // [B, S, E]
  const [source, mask] = context.edits.encoderInput(embedded, attentionMask)
  const maskBias = scale(sub(mask, scalar(1)), MASKED) // [B, S]
  const encoder = encode(source, maskBias, context)
  return { encoder, decoder: decode(decoderInputIds, encoder, maskBias, context) }
}

function encode(source: Tensor, maskBias: Tensor, context: Context): Tensor {
  const [b, s] = source.shape
  const bias = add(stackBias('encoder', source, context), reshape(maskBias, [b, 1, 1, s])) // [B, H, S, S]
  let h = drop(source, context)
  for (const layer of layersOf('encoder', context)) {
    const f =
      layer.kind === 'feedForward'
        ? feedForward(layer, norm(layer.name, h, context), context)
        : selfAttention(attentionName(layer), norm(layer.name, h, context), bias, context)
    h = add(h, context.edits.output(layer, h, drop(f, context)))
  }
  return drop(finalNorm('encoder', h, context), context)
}

function decode(ids: Tensor, encoder: Tensor, maskBias: Tensor, context: Context): Tensor {
  const target = gather(context.weight('shared.weight'), ids) // [B, T, E]
  const [b, s] = maskBias.shape
  const bias = add(stackBias('decoder', target, context), causalBias(Number(target.shape[1]))) // [1, H, T, T]
  const crossBias = reshape(maskBias, [b, 1, s])
  let h = drop(target, context)
  for (const layer of layersOf('decoder', context)) {
    const x = norm(layer.name, h, context)
    const f = {
      selfAttention: () => selfAttention(attentionName(layer), x, bias, context),
      crossAttention: () => absorbedCrossAttention(attentionName(layer), x, encoder, crossBias, context),
      feedForward: () => feedForward(layer, x, context),
    }[layer.kind]()
    h = add(h, context.edits.output(layer, h, drop(f, context)))
  }
  const y = drop(finalNorm('decoder', h, context), context)
  return context.t5.scaleDecoderOutputs ? scale(y, context.t5.dModel ** -0.5) : y
}

/** y [.., E] → logits of the whole vocabulary [.., V] */
export const logits = (y: Tensor, { weight, t5 }: Context): Tensor => project(y, weight(headName(t5)))

/** y [.., E], words i32 [C] → logits of those words alone [.., C] */
export const wordLogits = (y: Tensor, words: Tensor, { weight, t5 }: Context): Tensor =>
  project(y, gather(weight(headName(t5)), words))

const headName = ({ lmHead }: Context['t5']): string => (lmHead ? 'lm_head.weight' : 'shared.weight')

/** x [B, S, E] → wo(act(wi x)), or wo(act(wi_0 x) · wi_1 x) */
function feedForward({ name }: SubLayer, x: Tensor, context: Context): Tensor {
  const { gated, activation } = context.t5
  const activate = activation === 'gelu' ? gelu : relu
  const part = (which: string) => linear(`${name}.DenseReluDense.${which}`, x, context) // [B, S, F]
  const inner = gated ? mul(activate(part('wi_0')), part('wi_1')) : activate(part('wi'))
  return linear(`${name}.DenseReluDense.wo`, drop(inner, context), context)
}

const layersOf = (stack: string, { t5 }: Context): SubLayer[] =>
  subLayers(t5).filter(({ name }) => name.startsWith(stack))

const norm = (layer: string, h: Tensor, { weight, t5 }: Context): Tensor =>
  rmsNorm(h, weight(`${layer}.layer_norm.weight`), t5.layerNormEpsilon)

const finalNorm = (stack: string, h: Tensor, { weight, t5 }: Context): Tensor =>
  rmsNorm(h, weight(`${stack}.final_layer_norm.weight`), t5.layerNormEpsilon)

/** The position bias of a stack, made by its first block and shared by all: [1, H, T, T]. */
function stackBias(stack: 'encoder' | 'decoder', x: Tensor, { weight, t5 }: Context): Tensor {
  const table = weight(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`)
  return positionBias(table, x.shape[1], x.shape[1], stack === 'encoder', t5.relativeAttentionMaxDistance)
}

/** [T, T]: a row must not see what comes after it. */
function causalBias(t: number): Tensor {
  const future = clamp(sub(reshape(iota(t), [1, t]), reshape(iota(t), [t, 1])), 0, 1)
  return scale(cast(future, 'f32'), -MASKED)
}

const drop = (x: Tensor, { dropout }: Context): Tensor => (dropout ? mul(x, dropout.mask(x.shape)) : x)
