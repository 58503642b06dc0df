import type { Tensor } from '../tensor.ts'
import type { Dim } from '../types.ts'

/** The facts about a program that rules use. */
export interface Context {
  sizeOf(dim: Dim): number
  /** Returns the tensor that takes the place of a node. */
  fused(node: Tensor): Tensor
  /** Returns whether a node has one user, which can then compute it as a part of itself. */
  hasOneUser(node: Tensor): boolean
  /** Returns all slices of a tensor along an axis, in order of their starts. */
  slicesOf(x: Tensor, axis: number): readonly Tensor[]
}

/** A rule returns the tensor that takes the place of a node, or undefined if it does not apply. */
export type Rule = (node: Tensor, context: Context) => Tensor | undefined
