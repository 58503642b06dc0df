import type { Tensor } from '../graph/tensor.ts'
import type { SubLayer } from './t5/tensors.ts'

/**
 * What a tuning method changes in the forward pass; it gives those that it needs, T5 does the rest.
 * B batch, S source length, E width. A change that meets parameters of zero must leave its row as it was, so that rows of
 * different methods can share a batch.
 */
export interface Edits {
  /** After y = W x: x [B, S, inputs], y [B, S, outputs] → y. */
  linear(name: string, x: Tensor, y: Tensor): Tensor
  /** The same change as that of `linear`, made to W [outputs, inputs]: where a projection is absorbed, there is no y. */
  weight(name: string, w: Tensor): Tensor
  /** The embedded source x [B, S, E] and its mask [B, S]. */
  encoderInput(x: Tensor, mask: Tensor): readonly [Tensor, Tensor]
  /** A sub-layer's input h and output f, both [B, S, E] → f, which is then added to h. */
  output(layer: SubLayer, h: Tensor, f: Tensor): Tensor
}

/** The edits of several methods, one after the other; of none: T5 itself. */
export function combine(list: readonly Partial<Edits>[]): Edits {
  return {
    linear: (name, x, y) => list.reduce((value, edits) => edits.linear?.(name, x, value) ?? value, y),
    weight: (name, w) => list.reduce((value, edits) => edits.weight?.(name, value) ?? value, w),
    encoderInput: (x, mask) =>
      list.reduce<readonly [Tensor, Tensor]>(
        ([rows, seen], edits) => edits.encoderInput?.(rows, seen) ?? [rows, seen],
        [x, mask],
      ),
    output: (layer, h, f) => list.reduce((value, edits) => edits.output?.(layer, h, value) ?? value, f),
  }
}
