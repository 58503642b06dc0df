import type { T5Config } from './config.ts'
import { moduleOf, subLayers } from './tensors.ts'

const STACKS = ['encoder', 'decoder']

const finalNormOf = (stack: string): string => `${stack}.final_layer_norm`

/** Returns the layers of both stacks, in the order in which they run. */
export const layers = (config: T5Config): string[] =>
  STACKS.flatMap((stack) => [
    ...subLayers(config)
      .filter(({ name }) => name.startsWith(stack))
      .map(moduleOf),
    finalNormOf(stack),
  ])

const inputs: Readonly<Record<string, string>> = {
  'shared.weight': 'embedding',
  prompt_embeddings: 'embedding',
  words: 'head',
  'lm_head.weight': 'head',
}

/** Returns a function from the name of a program's input to the layer that reads it. */
export function layerOf(config: T5Config): (input: string) => string | undefined {
  const prefixes = [
    ...subLayers(config).map((layer) => [`${layer.name}.`, moduleOf(layer)]),
    ...STACKS.map(finalNormOf).map((name) => [name, name]),
  ]
  return (input) => inputs[input] ?? prefixes.find(([prefix]) => input.startsWith(prefix))?.[1]
}
