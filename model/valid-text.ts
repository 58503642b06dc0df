import { describeValue } from '../core/describe.ts'
import { hasVisibleCharacter } from '../core/visible.ts'

/** A mismatch between a value and a valid text. */
export interface TextProblem {
  expected: string
  found: string
}

/**
 * Returns why a value is not a text that can be classified, or undefined if it is. The tokenizer may still drop all of
 * its characters.
 */
export function findTextProblem(text: unknown): TextProblem | undefined {
  if (typeof text !== 'string')
    return { expected: 'a text', found: text === undefined ? 'no text' : describeValue(text) }
  if (text.trim() === '')
    return { expected: 'a text with words in it', found: text === '' ? 'an empty text' : 'only white space' }
  if (!text.isWellFormed()) {
    const index = [...text].findIndex((character) => !character.isWellFormed())
    return { expected: 'whole Unicode characters', found: `half of a surrogate pair at character ${index + 1}` }
  }
  if (!hasVisibleCharacter(text))
    return { expected: 'a text with words in it', found: 'only characters that nobody can see' }
  return undefined
}
