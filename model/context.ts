import type { QuantizedWeight } from '../graph/ops/quantized-linear.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Shape } from '../graph/types.ts'
import type { Edits } from './edits.ts'

/** The weights of a forward pass, the changes of the tuning method to it, and dropout. */
export interface Context {
  /** Returns a base tensor by its name in Hugging Face's file, or the method's own tensor if it trains that one. */
  readonly weight: (name: string) => Tensor
  readonly edits: Edits
  /** Returns the 8-bit weights of a Linear that has them. Defaults to none: all products are in f32. */
  readonly quantized?: (name: string) => QuantizedWeight | undefined
  /** Only set while training. Each call creates a new mask of 0 or 1 / (1 - rate). */
  readonly dropout?: { mask(shape: Shape): Tensor }
}
