import type { Tensor } from '../graph/tensor.ts'
import type { SubLayer } from './modules.ts'

/**
 * The changes that a tuning method makes to the forward pass. A method implements the ones that it needs. B batch, S
 * source length, E width.
 */
export interface Edits {
  /** Changes the input x [B, S, inputs] of a Linear. Absorbed projections have none. */
  linearInput(name: string, x: Tensor): Tensor
  /** Changes the output of a Linear, y = W x: x [B, S, inputs], y [B, S, outputs] -> y. */
  linear(name: string, x: Tensor, y: Tensor): Tensor
  /**
   * Makes the same change as `linear` to W [outputs, inputs] itself, for absorbed projections, which never compute y.
   */
  weight(name: string, w: Tensor): Tensor
  /**
   * How many positions `keysAndValues` puts before those of the decoder's self-attention. The decoder's own positions
   * follow them.
   */
  readonly decoderPrefix: number
  /** Changes the keys and values [B, H, T, D] of the decoder's self-attention of this name. */
  keysAndValues(name: string, keys: Tensor, values: Tensor): readonly [Tensor, Tensor]
  /** Changes the embedded source x [B, S, E] and its mask [B, S]. */
  encoderInput(x: Tensor, mask: Tensor): readonly [Tensor, Tensor]
  /** Changes the output f of a sub-layer with input h, both [B, S, E], before f is added to h. */
  output(layer: SubLayer, h: Tensor, f: Tensor): Tensor
}

/** Chains the edits of several methods. Without any, the model is unchanged. */
export function combineEdits(list: readonly Partial<Edits>[]): Edits {
  return {
    linearInput: (name, x) => list.reduce((value, edits) => edits.linearInput?.(name, value) ?? value, x),
    linear: (name, x, y) => list.reduce((value, edits) => edits.linear?.(name, x, value) ?? value, y),
    weight: (name, w) => list.reduce((value, edits) => edits.weight?.(name, value) ?? value, w),
    decoderPrefix: list.reduce((sum, { decoderPrefix = 0 }) => sum + decoderPrefix, 0),
    keysAndValues: (name, keys, values) =>
      list.reduce<readonly [Tensor, Tensor]>(
        ([k, v], edits) => edits.keysAndValues?.(name, k, v) ?? [k, v],
        [keys, values],
      ),
    encoderInput: (x, mask) =>
      list.reduce<readonly [Tensor, Tensor]>(
        ([rows, seen], edits) => edits.encoderInput?.(rows, seen) ?? [rows, seen],
        [x, mask],
      ),
    output: (layer, h, f) => list.reduce((value, edits) => edits.output?.(layer, h, value) ?? value, f),
  }
}
