import { z } from 'zod'
import { fail } from '../core/errors.ts'
import { isLabel, labelRecord } from '../core/label-rule.ts'
import type { Tokenizer } from './tokenizer.ts'

/** A word that scores a label. A token is short, and errors show the word. */
export const labelWord = z.string().refine(isLabel, 'a word of 1 to 100 printable characters')

/** The word of each label. */
export const labelWords = labelRecord(labelWord)

/** The labels of a classification, with the token or class number that scores each. */
export interface LabelTokens {
  /** Sorted by code units. Scores are in this order everywhere. */
  labels: readonly string[]
  /** The token or class number of each label, in the same order. */
  tokens: readonly number[]
  /** The word of each label. */
  words: Readonly<Record<string, string>>
}

/**
 * Returns the token of each label's word, such as `{ negative: 'worst', positive: 'excellent' }`.
 * @throws GraftError `label_words` if a word is not a single token of the base, or if two labels have the same token
 */
export function labelTokens(words: Readonly<Record<string, string>>, tokenizer: Tokenizer): LabelTokens {
  const labels = Object.keys(words).sort()
  requireTwoLabels('label_words', 'the labels', labels, FIX)
  const tokens = labels.map((label) => singleToken(label, words, tokenizer))
  for (const [i, token] of tokens.entries()) {
    const first = tokens.indexOf(token)
    if (first < i) throwLabelWord(labels[i], `has the same token as the word of ${labels[first]}`, words)
  }
  return { labels, tokens, words }
}

/**
 * Requires at least two labels, because a classification chooses between them.
 * @param labels each label once, as the error shows it
 * @throws GraftError with this code
 */
export function requireTwoLabels(
  code: 'label_words' | 'data_classes',
  subject: string,
  labels: readonly string[],
  fix: string,
): void {
  if (labels.length >= 2) return
  fail(code, {
    subject,
    expected: 'at least two labels',
    found: labels.length === 0 ? 'none' : `only ${labels[0]}`,
    fix,
  })
}

function singleToken(label: string, words: Readonly<Record<string, string>>, tokenizer: Tokenizer): number {
  const ids = tokenizer.wordIds(words[label])
  if (ids.length === 0) throwLabelWord(label, 'has no token', words)
  if (ids.includes(tokenizer.unknownId ?? -1)) throwLabelWord(label, 'is not in the vocabulary of the base', words)
  if (ids.length > 1) {
    const pieces = ids.map((id) => tokenizer.piece(id) ?? String(id))
    throwLabelWord(label, `is not a single token of the base, but ${pieces.join(' ')}`, words)
  }
  return ids[0]
}

const FIX = 'Choose a common word for each label, such as {"negative": "worst", "positive": "excellent"}.'

function throwLabelWord(label: string, problem: string, words: Readonly<Record<string, string>>): never {
  const subject = `the word ${JSON.stringify(words[label])} of the label ${label}`
  return fail('label_words', { subject, problem, fix: FIX })
}
