import type { Tensor } from '../graph/tensor.ts'
import type { Shape } from '../graph/types.ts'
import type { Edits } from './edits.ts'
import type { T5Config } from './t5/config.ts'

/** Where the forward pass asks for everything that is not its own: sizes, weights, what the method changes, dropout. */
export interface Context {
  readonly t5: T5Config
  /** A base tensor by its name in Hugging Face's file; a method that trains it gives its own. */
  readonly weight: (name: string) => Tensor
  readonly edits: Edits
  /** Absent outside training. Each call makes a fresh mask: 0, or 1 / (rate of keeping). */
  readonly dropout?: { mask(shape: Shape): Tensor }
}
