import type { Linear, SubLayer } from '../modules.ts'
import type { NamedShape } from '../tensor-shapes.ts'
import type { T5Config } from './config.ts'

/** The module inside each kind of sub-layer, and its last Linear. */
const modules: Readonly<Record<SubLayer['kind'], { module: string; last: string }>> = {
  selfAttention: { module: 'SelfAttention', last: 'o' },
  crossAttention: { module: 'EncDecAttention', last: 'o' },
  feedForward: { module: 'DenseReluDense', last: 'wo' },
}

/** Returns the name of a sub-layer's attention or feed-forward module. */
export const moduleOf = ({ name, kind }: SubLayer): string => `${name}.${modules[kind].module}`

/** Returns the sub-layers of both stacks, in the order in which they run. */
export function subLayers({ numLayers, numDecoderLayers }: T5Config): SubLayer[] {
  const subLayer = (name: string, kind: SubLayer['kind']): SubLayer => {
    const { module, last } = modules[kind]
    return { name, kind, output: `${name}.${module}.${last}` }
  }
  const blocks = (stack: string, count: number, kinds: SubLayer['kind'][]) =>
    Array.from({ length: count }, (_, i) =>
      kinds.map((kind, j) => subLayer(`${stack}.block.${i}.layer.${j}`, kind)),
    ).flat()
  return [
    ...blocks('encoder', numLayers, ['selfAttention', 'feedForward']),
    ...blocks('decoder', numDecoderLayers, ['selfAttention', 'crossAttention', 'feedForward']),
  ]
}

/** Returns every Linear except the head, under the names of Hugging Face's modules. */
export function linears(t5: T5Config): Linear[] {
  const inner = t5.numHeads * t5.dKv
  return subLayers(t5).flatMap((layer) => {
    const first = layer.kind !== 'feedForward' ? ['q', 'k', 'v'] : t5.gated ? ['wi_0', 'wi_1'] : ['wi']
    const width = layer.kind === 'feedForward' ? t5.dFf : inner
    return [
      ...first.map((name): Linear => {
        const isAbsorbed = layer.kind === 'crossAttention' && name !== 'q'
        const linear = { name: `${moduleOf(layer)}.${name}`, inputs: t5.dModel, outputs: width }
        return isAbsorbed ? { ...linear, absorbed: true } : linear
      }),
      { name: layer.output, inputs: width, outputs: t5.dModel },
    ]
  })
}

/** Returns every tensor of a T5, under its name in Hugging Face's `model.safetensors`. */
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
