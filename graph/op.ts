import type { Op, Tensor } from './tensor.ts'
import { formatType } from './types.ts'

/** Applies an op: checks the inputs and returns the new node. */
export function apply<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor<A> {
  try {
    return Object.freeze({ op, inputs, attributes, ...op.infer(inputs, attributes) })
  } catch (error) {
    throw new Error(`${op.name}(${inputs.map(formatType).join(', ')}): ${(error as Error).message}`, { cause: error })
  }
}

/** The gradient rule of ops that pass no gradient to their inputs, such as index arithmetic and comparisons. */
export const noGradient = (node: Tensor): null[] => node.inputs.map(() => null)
