import type { Truncation } from '../../model/encode.ts'
import type { LabelTokens } from '../../model/label-words.ts'

/** How a label is read from the logits of a text. */
export interface LabelReading {
  readonly labels: LabelTokens
  readonly truncation: Truncation
  /** The number by which logits are divided before softmax. */
  readonly temperature: number
}
