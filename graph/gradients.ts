import { sumOf } from './ops/gather.ts'
import { scalar } from './ops/leaf.ts'
import { topological } from './program.ts'
import type { Tensor } from './tensor.ts'
import { rank, typeText } from './types.ts'

/**
 * The gradients of a scalar loss with respect to some tensors, in their order. Walks the program backwards once; nothing is
 * made for a tensor from which none of `wrt` can be reached: below the lowest of them and for frozen weights nothing is computed.
 * @param madeFor receives, for each tensor that is made here, the one whose gradient rule asked for it
 * @throws where the loss is no scalar or does not depend on one of the tensors
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[], madeFor: Map<Tensor, Tensor> = new Map()): Tensor[] {
  if (rank(loss) !== 0 || loss.dtype !== 'f32') throw new Error(`a loss is f32[], not ${typeText(loss)}`)
  const order = topological([loss])
  const needed = new Set<Tensor>(wrt)
  for (const node of order) if (node.inputs.some((x) => needed.has(x))) needed.add(node)

  const total = new Map<Tensor, Tensor>([[loss, scalar(1)]])
  const targets = new Set(wrt)
  const known = new Set(order)
  for (const node of order.toReversed()) {
    const dy = total.get(node)
    if (!dy || !needed.has(node) || targets.has(node)) continue
    const thunks = node.op.gradient(node, dy)
    for (const [i, x] of node.inputs.entries()) {
      const thunk = thunks[i]
      if (!needed.has(x) || !thunk) continue
      const part = thunk()
      const before = total.get(x)
      const sum = before ? sumOf(before, part) : part
      total.set(x, sum)
      for (const made of newBeneath(sum, known)) madeFor.set(made, node)
    }
  }
  return wrt.map((x) => total.get(x) ?? missing(x))
}

/** What a tensor depends on that is not yet known; it is from now on. */
function newBeneath(tensor: Tensor, known: Set<Tensor>): Tensor[] {
  if (known.has(tensor)) return []
  known.add(tensor)
  return [tensor, ...tensor.inputs.flatMap((x) => newBeneath(x, known))]
}

function missing(x: Tensor): never {
  const name = (x.attributes as { name?: string } | null)?.name ?? x.op.name
  throw new Error(`the loss does not depend on ${name}: ${typeText(x)}`)
}
