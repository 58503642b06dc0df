import { topologicalOrder } from '../../graph/program.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Model } from '../../model/architecture.ts'

export type Phase = 'forward' | 'backward' | 'optimizer'

/** The part of a training step that a node of a program belongs to. */
export interface Place {
  phase: Phase
  layer: string
}

/** Returns the layers of a training step, in the order in which the forward pass runs them. */
export const layersOf = ({ layers }: Model): string[] => ['embedding', ...layers, 'head', 'loss']

/** Returns a place as the label of a tensor. {@link placeOf} reads it back. */
export const labelOf = ({ phase, layer }: Place): string => `${phase} ${layer}`

/** Returns the place of a tensor from its label. Tensors without a label belong to the optimizer. */
export function placeOf({ label = 'optimizer optimizer' }: Tensor): Place {
  const [phase, layer] = label.split(' ')
  return { phase: phase as Phase, layer }
}

/**
 * Returns the places of all nodes that a loss depends on, and of the nodes of its gradients. A forward node belongs to
 * the last layer whose tensors it depends on. If it depends on none, as masks and positions do, it belongs to the first
 * layer that uses it. A backward node belongs to the layer of the node whose gradient it helps to compute.
 * @param origins the forward node of each backward node, as `gradients` returns them
 */
export function placesOf(loss: Tensor, origins: ReadonlyMap<Tensor, Tensor>, model: Model): Map<Tensor, Place> {
  const layers = layersOf(model)
  const order = assignForwardLayers(topologicalOrder([loss]), layers, model)
  const places = new Map<Tensor, Place>()
  for (const [backward, node] of origins)
    places.set(backward, { phase: 'backward', layer: layers[order.get(node) as number] })
  for (const [node, index] of order) places.set(node, { phase: 'forward', layer: layers[index] })
  return places
}

/** Returns the index of the layer of each forward node. */
function assignForwardLayers(forward: readonly Tensor[], layers: readonly string[], model: Model): Map<Tensor, number> {
  const order = new Map<Tensor, number>()
  for (const node of forward) {
    const latest = Math.max(-1, ...node.inputs.map((x) => order.get(x) ?? -1), findOwnLayer(node, layers, model))
    if (latest >= 0) order.set(node, latest)
  }
  const firstUse = new Map<Tensor, number>()
  for (const node of forward.toReversed()) {
    const index = order.get(node) ?? firstUse.get(node) ?? layers.length - 1
    order.set(node, index)
    for (const x of node.inputs) firstUse.set(x, Math.min(index, firstUse.get(x) ?? index))
  }
  return order
}

/** Returns the index of the layer that a node's own input belongs to; -1 for an input that any layer may read. */
function findOwnLayer(node: Tensor, layers: readonly string[], model: Model): number {
  if (node.op.name === 'input') return layers.indexOf(findLayerOfInput(node.attributes.name, model) ?? '')
  // The embedding matrix in a matrix product, rather than a lookup, is a tied head.
  const tied = node.op.name === 'matmul' && node.inputs.some(({ attributes }) => attributes?.name === model.embedding)
  return tied ? layers.indexOf('head') : -1
}

const findLayerOfInput = (name: string, model: Model): string | undefined =>
  name === 'labels' || name === 'label_weights' ? 'loss' : model.layerOf(name)
