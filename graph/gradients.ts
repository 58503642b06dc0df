import { addGradients } from './ops/gather.ts'
import { scalar } from './ops/leaf.ts'
import { topologicalOrder } from './program.ts'
import type { Tensor } from './tensor.ts'
import { formatType, rank } from './types.ts'

/**
 * Returns the gradients of a scalar loss with respect to the tensors `wrt`, in their order. Walks the program backwards
 * once. Skips tensors that do not depend on any of `wrt`, so nothing is computed for frozen weights or below the lowest
 * trained layer.
 * @param origins receives, for each tensor that is created here, the tensor whose gradient rule created it
 * @throws if the loss is not a scalar, or does not depend on one of the tensors
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[], origins: Map<Tensor, Tensor> = new Map()): Tensor[] {
  if (rank(loss) !== 0 || loss.dtype !== 'f32') throw new Error(`a loss must be f32[], not ${formatType(loss)}`)
  const order = topologicalOrder([loss])
  const needed = new Set<Tensor>(wrt)
  for (const node of order) if (node.inputs.some((x) => needed.has(x))) needed.add(node)

  const gradientOf = new Map<Tensor, Tensor>([[loss, scalar(1)]])
  const targets = new Set(wrt)
  const known = new Set(order)
  for (const node of order.toReversed()) {
    const dy = gradientOf.get(node)
    if (!dy || !needed.has(node) || targets.has(node)) continue
    const thunks = node.op.gradient(node, dy)
    for (const [i, x] of node.inputs.entries()) {
      const thunk = thunks[i]
      if (!needed.has(x) || !thunk) continue
      const contribution = thunk()
      const previous = gradientOf.get(x)
      const sum = previous ? addGradients(previous, contribution) : contribution
      gradientOf.set(x, sum)
      for (const created of collectNew(sum, known)) origins.set(created, node)
    }
  }
  return wrt.map((x) => gradientOf.get(x) ?? throwDisconnected(x))
}

/** Returns a tensor and its dependencies, without those in `known`, and adds them to `known`. */
function collectNew(tensor: Tensor, known: Set<Tensor>): Tensor[] {
  if (known.has(tensor)) return []
  known.add(tensor)
  return [tensor, ...tensor.inputs.flatMap((x) => collectNew(x, known))]
}

function throwDisconnected(x: Tensor): never {
  const name = (x.attributes as { name?: string } | null)?.name ?? x.op.name
  throw new Error(`the loss does not depend on ${name}: ${formatType(x)}`)
}
