import { fail } from '../core/errors.ts'
import type { Tokenizer } from './tokenizer.ts'

/** What a classification chooses among, ready for the model. */
export interface LabelTokens {
  /** In alphabetical order of code units: the order of scores everywhere. */
  labels: readonly string[]
  /** The token that scores each label, in the same order. */
  tokens: readonly number[]
  /** The word of each label, as given. */
  words: Readonly<Record<string, string>>
}

/**
 * The token of each label's word, such as `{ negative: 'worst', positive: 'excellent' }`.
 * @throws GraftError `label_words` for a word that is not one token of the base, and for two labels with the same one
 */
export function labelTokens(words: Readonly<Record<string, string>>, tokenizer: Tokenizer): LabelTokens {
  const labels = Object.keys(words).sort()
  if (labels.length < 2) wrong('the labels', 'two labels or more', labels.length === 0 ? 'none' : `${labels[0]} alone`)
  const tokens = labels.map((label) => onlyToken(label, words[label], tokenizer))
  for (const [i, token] of tokens.entries()) {
    const first = tokens.indexOf(token)
    if (first < i)
      wrong(
        `the word of ${labels[i]}`,
        'a word of its own',
        `${show(words[labels[i]])}, the token of ${labels[first]}, too`,
      )
  }
  return { labels, tokens, words }
}

function onlyToken(label: string, word: string, tokenizer: Tokenizer): number {
  const subject = `the word of ${label}`
  const ids = tokenizer.wordIds(word)
  if (ids.length === 0) wrong(subject, 'a word', `${show(word)}, which has no token`)
  if (ids.includes(tokenizer.unknownId ?? -1))
    wrong(subject, 'a word that the base knows', `${show(word)}, which it does not`)
  if (ids.length > 1) {
    const pieces = ids.map((id) => tokenizer.piece(id) ?? String(id))
    wrong(subject, 'a word that is one token of the base', `${show(word)}, which is ${ids.length}: ${pieces.join(' ')}`)
  }
  return ids[0]
}

const show = (word: string): string => JSON.stringify(word)

function wrong(subject: string, expected: string, found: string): never {
  return fail('label_words', {
    subject,
    expected,
    found,
    fix: 'Choose a common word for each label, such as {"negative": "worst", "positive": "excellent"}.',
  })
}
