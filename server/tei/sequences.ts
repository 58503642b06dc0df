import type { Inputs, PredictRequest } from './schemas.ts'

export interface Sequences {
  /** A text for each input. */
  texts: string[]
  isBatch: boolean
  /** Characters of all, by code points. */
  characters: number
}

/** T5's tokenizer puts the end of a sequence between the texts of a pair, as it does after each. */
const BETWEEN = '</s>'

/** `["a", "b"]` is a pair, `[["a"], ["b"]]` a batch of two. */
export function sequencesOf(inputs: Inputs): Sequences {
  const isBatch = Array.isArray(inputs) && Array.isArray(inputs[0])
  const lists = (isBatch ? inputs : [[inputs].flat()]) as string[][]
  const characters = lists.flat().reduce((sum, text) => sum + codePoints(text), 0)
  return { texts: lists.map(joined), isBatch, characters }
}

/** Nothing stays nothing. */
const joined = (texts: string[]): string => (texts.every((text) => text === '') ? '' : texts.join(BETWEEN))

function codePoints(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

/** `right` drops the end of a text. */
export function truncationSideOf(direction: PredictRequest['truncation_direction']): 'left' | 'right' | undefined {
  if (direction === undefined) return undefined
  return direction.toLowerCase() === 'right' ? 'right' : 'left'
}
