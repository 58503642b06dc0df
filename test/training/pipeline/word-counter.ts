import { writeTokenCounter } from '../../../bench/token-counter.ts'
import { freshPath } from '../../checkpoint/helpers.ts'
import { tinyBase, words } from '../tiny.ts'

/** The ids of the words of `words` in the tokenizer of `tinyBase`. */
const idOf = (word: string) => 3 + words.indexOf(word)

const VOCABULARY = 3 + words.length

/**
 * Writes the folder of a text classifier for transformers.js that counts words: the logit of each label is the sum of
 * the weights of the words.
 * @param weights the weight of a word for each label
 * @param config further fields of `config.json`
 */
export function writeWordCounter(
  labels: readonly string[],
  weights: Readonly<Record<string, readonly number[]>>,
  config: object = {},
): string {
  const dir = freshPath('counter')
  const table = new Float32Array(VOCABULARY * labels.length)
  for (const [word, values] of Object.entries(weights)) table.set(values, idOf(word) * labels.length)
  writeTokenCounter(dir, { labels, table, tokenizerFrom: tinyBase(), config })
  return dir
}
