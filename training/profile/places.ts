import { topological } from '../../graph/program.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { T5Config } from '../../model/t5/config.ts'
import { attentionName, type SubLayer, subLayers } from '../../model/t5/tensors.ts'

export type Phase = 'forward' | 'backward' | 'optimizer'

/** Where in a step a node of a program belongs. */
export interface Place {
  phase: Phase
  layer: string
}

/** The layers of a training step in the order in which the forward pass meets them. */
export function layersOf(t5: T5Config): string[] {
  const stack = (name: string) => [
    ...subLayers(t5)
      .filter((layer) => layer.name.startsWith(name))
      .map(nameOf),
    `${name}.final_layer_norm`,
  ]
  return ['embedding', ...stack('encoder'), ...stack('decoder'), 'head', 'loss']
}

const nameOf = (layer: SubLayer): string =>
  layer.kind === 'feedForward' ? `${layer.name}.DenseReluDense` : attentionName(layer)

/** A place as a tensor's label, and back. What no training step labelled belongs to the optimizer. */
export const labelOf = ({ phase, layer }: Place): string => `${phase} ${layer}`

export function placeOf({ label = 'optimizer optimizer' }: Tensor): Place {
  const [phase, layer] = label.split(' ')
  return { phase: phase as Phase, layer }
}

/**
 * The place of all that a loss depends on, and of its gradients. Going forward, a node belongs to the latest layer whose tensors it depends
 * on, and where it depends on none (masks, positions) to the first layer that uses it. Going backward, it belongs to the layer of the node
 * whose gradient it is.
 * @param madeFor as `gradients` filled it
 */
export function placesOf(loss: Tensor, madeFor: ReadonlyMap<Tensor, Tensor>, t5: T5Config): Map<Tensor, Place> {
  const layers = layersOf(t5)
  const order = forwardOrder(topological([loss]), layers, t5)
  const places = new Map<Tensor, Place>()
  for (const [made, node] of madeFor) places.set(made, { phase: 'backward', layer: layers[order.get(node) as number] })
  for (const [node, at] of order) places.set(node, { phase: 'forward', layer: layers[at] })
  return places
}

/** The number of each forward node's layer. */
function forwardOrder(forward: readonly Tensor[], layers: readonly string[], t5: T5Config): Map<Tensor, number> {
  const ofInput = inputLayers(layers, t5)
  const order = new Map<Tensor, number>()
  for (const node of forward) {
    const latest = Math.max(-1, ...node.inputs.map((x) => order.get(x) ?? -1), ownLayer(node, ofInput, layers))
    if (latest >= 0) order.set(node, latest)
  }
  const firstUse = new Map<Tensor, number>()
  for (const node of forward.toReversed()) {
    const at = order.get(node) ?? firstUse.get(node) ?? layers.length - 1
    order.set(node, at)
    for (const x of node.inputs) firstUse.set(x, Math.min(at, firstUse.get(x) ?? at))
  }
  return order
}

function ownLayer(node: Tensor, ofInput: (name: string) => number, layers: readonly string[]): number {
  if (node.op.name === 'input') return ofInput(node.attributes.name)
  // The embedding's matrix in a product, not in a look-up, is a tied head.
  const tied = node.op.name === 'matmul' && node.inputs.some(({ attributes }) => attributes?.name === 'shared.weight')
  return tied ? layers.indexOf('head') : -1
}

/** The layer to which an input brings a node: that of the weight; -1 for what any layer may read. */
function inputLayers(layers: readonly string[], t5: T5Config): (name: string) => number {
  const named: Record<string, string> = {
    'shared.weight': 'embedding',
    prompt_embeddings: 'embedding',
    words: 'head',
    'lm_head.weight': 'head',
    labels: 'loss',
    label_weights: 'loss',
  }
  const parts = subLayers(t5).map((layer) => [`${layer.name}.`, nameOf(layer)] as const)
  const norms = layers.filter((layer) => layer.endsWith('.final_layer_norm')).map((layer) => [layer, layer] as const)
  return (name) => {
    const layer = named[name] ?? [...parts, ...norms].find(([start]) => name.startsWith(start))?.[1]
    return layer === undefined ? -1 : layers.indexOf(layer)
  }
}
