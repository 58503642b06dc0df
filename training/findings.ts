import { formatCount } from '../core/format-count.ts'

/**
 * The codes of findings. docs/labels.md explains each of them, and what to do.
 */
export const findingCodes = [
  'labels_alike',
  'label_is_header',
  'few_rows',
  'imbalance',
  'duplicate_texts',
  'contradictory_labels',
  'leaked_texts',
  'unknown_tokens',
  'split_words',
  'sentiment_words',
  'other_words',
  'loss_not_below_guessing',
  'accuracy_not_above_guessing',
] as const

/** Something about data or about a training that a user should know, although it is not an error. */
export interface Finding {
  code: (typeof findingCodes)[number]
  /** A `warning` makes the adapter worse or its accuracy misleading. A `note` explains a choice. */
  level: 'note' | 'warning'
  /** A sentence that says what was found. */
  message: string
  /** The number of reviews, labels or steps that the sentence is about. */
  count: number
  /** Their share, from 0 to 1. */
  share?: number
  /** A sentence that says what to do. */
  fix: string
}

export const formatShare = (share: number): string => `${(100 * share).toPrecision(share < 0.1 ? 2 : 3)} %`

/** Returns a number with its noun, such as `1 review` or `2,000 reviews`. */
export const formatNumber = (count: number, noun: string): string =>
  `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`

const MAX_QUOTED = 5

/** Returns phrases as a list in a sentence. A long list ends with the number of those that it leaves out. */
export function listPhrases(phrases: readonly string[]): string {
  const shown = phrases.slice(0, MAX_QUOTED)
  const more = phrases.length - shown.length
  return new Intl.ListFormat('en').format(more > 0 ? [...shown, `${more} more`] : shown)
}

const MAX_QUOTED_CHARACTERS = 40

/** Returns a label in quotes. A long one is shortened. */
export function quote(label: string): string {
  const characters = [...label]
  return characters.length > MAX_QUOTED_CHARACTERS
    ? `“${characters.slice(0, MAX_QUOTED_CHARACTERS - 1).join('')}…”`
    : `“${label}”`
}
