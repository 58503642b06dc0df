import type { Op, Tensor } from './tensor.ts'
import { typeText } from './types.ts'

/** Applies an op: checks the inputs and makes the node. */
export function apply<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor<A> {
  try {
    return Object.freeze({ op, inputs, attributes, ...op.infer(inputs, attributes) })
  } catch (error) {
    throw new Error(`${op.name}(${inputs.map(typeText).join(', ')}): ${(error as Error).message}`, { cause: error })
  }
}

/** For ops through which no gradient flows: index arithmetic and choices. */
export const noGradient = (node: Tensor): null[] => node.inputs.map(() => null)
