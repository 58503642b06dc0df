import type { Inputs, PredictRequest } from './schemas.ts'

export interface Sequences {
  /** One text per input. */
  texts: string[]
  isBatch: boolean
  /** Characters of all inputs, in code points. */
  characters: number
}

/** T5's tokenizer separates the texts of a pair with the end-of-sequence token, which it also puts after each text. */
const SEPARATOR = '</s>'

/** Returns the texts of the inputs. `["a", "b"]` is one pair, `[["a"], ["b"]]` a batch of two texts. */
export function sequencesOf(inputs: Inputs): Sequences {
  const isBatch = Array.isArray(inputs) && Array.isArray(inputs[0])
  const lists = (isBatch ? inputs : [[inputs].flat()]) as string[][]
  const characters = lists.flat().reduce((sum, text) => sum + countCodePoints(text), 0)
  return { texts: lists.map(joinTexts), isBatch, characters }
}

/** Joins the texts of a pair. Two empty texts stay empty, so that they are rejected as one empty text is. */
export const joinTexts = (texts: readonly string[]): string =>
  texts.every((text) => text === '') ? '' : texts.join(SEPARATOR)

export function countCodePoints(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

/** Returns the truncation side. `right` drops the end of a text. */
export function truncationSideOf(direction: PredictRequest['truncation_direction']): 'left' | 'right' | undefined {
  return direction && (direction === 'Right' ? 'right' : 'left')
}
