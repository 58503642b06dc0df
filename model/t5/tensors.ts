import type { T5Config } from './config.ts'

export interface NamedShape {
  name: string
  shape: readonly number[]
}

/** A matrix y = W x of the model, W [outputs, inputs], stored as `<name>.weight`. */
export interface Linear {
  name: string
  inputs: number
  outputs: number
}

/** A residual sub-layer, by the name that its tensors begin with. */
export interface SubLayer {
  name: string
  kind: 'selfAttention' | 'crossAttention' | 'feedForward'
}

/** The sub-layers of both stacks, in the order in which they run. */
export function subLayers({ numLayers, numDecoderLayers }: T5Config): SubLayer[] {
  const blocks = (stack: string, count: number, kinds: SubLayer['kind'][]) =>
    Array.from({ length: count }, (_, i) =>
      kinds.map((kind, j) => ({ name: `${stack}.block.${i}.layer.${j}`, kind })),
    ).flat()
  return [
    ...blocks('encoder', numLayers, ['selfAttention', 'feedForward']),
    ...blocks('decoder', numDecoderLayers, ['selfAttention', 'crossAttention', 'feedForward']),
  ]
}

export const attentionName = ({ name, kind }: SubLayer): string =>
  `${name}.${kind === 'crossAttention' ? 'EncDecAttention' : 'SelfAttention'}`

/** Every Linear but the head, under the names of Hugging Face's modules. */
export function linears(t5: T5Config): Linear[] {
  const inner = t5.numHeads * t5.dKv
  return subLayers(t5).flatMap((layer) => {
    if (layer.kind === 'feedForward') {
      const first = t5.gated ? ['wi_0', 'wi_1'] : ['wi']
      return [
        ...first.map((name) => ({ name: `${layer.name}.DenseReluDense.${name}`, inputs: t5.dModel, outputs: t5.dFf })),
        { name: `${layer.name}.DenseReluDense.wo`, inputs: t5.dFf, outputs: t5.dModel },
      ]
    }
    const attention = attentionName(layer)
    return [
      ...['q', 'k', 'v'].map((name) => ({ name: `${attention}.${name}`, inputs: t5.dModel, outputs: inner })),
      { name: `${attention}.o`, inputs: inner, outputs: t5.dModel },
    ]
  })
}

/** Every tensor of a base, under its name in Hugging Face's `model.safetensors`. */
export function baseTensors(t5: T5Config): NamedShape[] {
  const embedding = [t5.vocabSize, t5.dModel]
  const bias = (stack: string) => ({
    name: `${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`,
    shape: [t5.relativeAttentionNumBuckets, t5.numHeads],
  })
  const norm = (name: string) => ({ name: `${name}.weight`, shape: [t5.dModel] })
  return [
    { name: 'shared.weight', shape: embedding },
    bias('encoder'),
    bias('decoder'),
    ...linears(t5).map(({ name, inputs, outputs }) => ({ name: `${name}.weight`, shape: [outputs, inputs] })),
    ...subLayers(t5).map(({ name }) => norm(`${name}.layer_norm`)),
    norm('encoder.final_layer_norm'),
    norm('decoder.final_layer_norm'),
    ...(t5.lmHead ? [{ name: 'lm_head.weight', shape: embedding }] : []),
  ]
}

export const sizeOfShape = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

export const countOf = (tensors: readonly NamedShape[]): number =>
  tensors.reduce((n, { shape }) => n + sizeOfShape(shape), 0)

/** Where each tensor stands when all lie one after the other in one vector. */
export function laidOut(tensors: readonly NamedShape[]): (NamedShape & { from: number; size: number })[] {
  let next = 0
  return tensors.map(({ name, shape }) => {
    const [from, size] = [next, sizeOfShape(shape)]
    next += size
    return { name, shape, from, size }
  })
}
