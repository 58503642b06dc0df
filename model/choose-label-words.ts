import type { LabelTokens } from './label-words.ts'
import { findSentiments, SENTIMENT_WORDS, wordsOfSentiment } from './sentiment.ts'
import type { Tokenizer } from './tokenizer.ts'

type Words = LabelTokens['words']

/** The words of labels, and which of them had to be chosen. */
export interface ChosenWords {
  /** The word of each label. */
  words: Words
  /** Labels that are taken for a sentiment, such as 0 and 1. */
  sentiments: readonly string[]
  /** Labels that got a word of their own, because they are not a single token of the base. */
  others: readonly string[]
}

/**
 * Chooses a word for each label. Its sources, in this order: what the user set; a word of sentiment, if the labels
 * form a scale of it; the default of the base; the label itself; or else a word that no other label has. The choice
 * depends only on the labels and the base.
 * @param set the words that the user set
 * @param defaults the words of the base
 */
export function chooseLabelWords(
  labels: readonly string[],
  { set = {}, defaults = {} }: { set?: Words; defaults?: Words },
  tokenizer: Tokenizer,
): ChosenWords {
  const [setWords, defaultWords] = [set, defaults].map((words) => new Map(Object.entries(words)))
  const chosen = new Map<string, string>()
  const taken = new Set<number>()
  const choose = (label: string, word: string): boolean => {
    const token = singleTokenOf(word, tokenizer)
    if (token === undefined || taken.has(token)) return false
    taken.add(token)
    chosen.set(label, word)
    return true
  }
  // Words that the user set are taken even if they are not valid, so that the user hears of it.
  for (const label of labels) {
    const word = setWords.get(label)
    if (word !== undefined && !choose(label, word)) chosen.set(label, word)
  }

  const isOpen = (label: string) => !chosen.has(label)
  const sentiments = labels.every((label) => defaultWords.has(label)) ? undefined : findSentiments(labels)
  const fromSentiment = [...(sentiments ?? [])].filter(
    ([label, position]) =>
      isOpen(label) && wordsOfSentiment(position, defaultWords).some((word) => choose(label, word)),
  )
  for (const label of labels.filter(isOpen)) choose(label, defaultWords.get(label) ?? label)

  const others = labels.filter(isOpen)
  const spare = spareWords(tokenizer)
  for (const label of others)
    if (!partsOf(label, tokenizer).some((word) => choose(label, word))) {
      let next = spare.next()
      while (!next.done && !choose(label, next.value)) next = spare.next()
      // The vocabulary has no word left. The label's own name then leads to an error that says so.
      if (next.done) chosen.set(label, label)
    }
  return {
    words: Object.fromEntries(labels.map((label) => [label, chosen.get(label) ?? label])),
    sentiments: fromSentiment.map(([label]) => label),
    others,
  }
}

function singleTokenOf(word: string, tokenizer: Tokenizer): number | undefined {
  const [token, ...more] = tokenizer.wordIds(word)
  return more.length > 0 || token === tokenizer.unknownId ? undefined : token
}

/** Returns the words in a label, and then pieces of it, the longest first. */
function partsOf(label: string, tokenizer: Tokenizer): string[] {
  const words = label.replace(/(?<=\p{Ll})(?=\p{Lu})/gu, ' ').match(/\p{L}+/gu) ?? []
  const pieces = tokenizer.wordIds(label).map((id) => tokenizer.piece(id)?.replace(/^(##|▁)/, '') ?? '')
  const byLength = (a: string, b: string) => b.length - a.length
  return [...words.toSorted(byLength), ...pieces.toSorted(byLength)].filter((word) => /^\p{L}{2,}$/u.test(word))
}

/** The ids before it are those of special tokens, single characters and the shortest words. */
const FIRST_SPARE_ID = 500
const SENTIMENTS = new Set(SENTIMENT_WORDS.flat())

/** Yields common words of the vocabulary that mean no sentiment, so that they suit any label. */
function* spareWords(tokenizer: Tokenizer): Generator<string> {
  for (const start of [FIRST_SPARE_ID, 0])
    for (let id = start; ; id++) {
      const piece = tokenizer.piece(id)
      if (piece === undefined) break
      const word = piece.replace(/^▁/, '')
      if (/^\p{L}{4,}$/u.test(word) && !SENTIMENTS.has(word) && tokenizer.wordIds(word)[0] === id) yield word
    }
}
