import { labelTokens } from '../../../model/label-words.ts'
import type { ObjectiveSetting } from './objective.ts'

/**
 * Returns the token of each word, in the order of the words.
 * @throws GraftError `label_words` if a word is not a single token of the base
 */
export function wordTokens(words: readonly string[], { tokenizer }: Pick<ObjectiveSetting, 'tokenizer'>): Int32Array {
  const { labels, tokens } = labelTokens(Object.fromEntries(words.map((word) => [word, word])), tokenizer)
  const tokenOf = new Map(labels.map((word, i) => [word, tokens[i]]))
  return Int32Array.from(words, (word) => tokenOf.get(word) as number)
}
