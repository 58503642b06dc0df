import { MOSTLY_UNKNOWN_SHARE } from '../../model/encode.ts'
import type { Tokenizer } from '../../model/tokenizer.ts'
import type { Example } from './check-row.ts'
import type { TextFacts } from './inspect.ts'

/** A share of a sample of this size has a standard error of at most 1.6 percentage points. */
const MAX_SAMPLE = 1000
/** The beginning of a text is enough to recognize its language. */
const MAX_CHARACTERS = 2000
/** With fewer words, their mean number of tokens depends on a few names. */
const MIN_WORDS = 30

/** Measures how well the base knows texts, on a sample at regular intervals. */
export function measureTexts(examples: readonly Pick<Example, 'text'>[], tokenizer: Tokenizer): TextFacts {
  const interval = Math.ceil(examples.length / MAX_SAMPLE)
  const texts = examples.filter((_, i) => i % interval === 0).map(({ text }) => text.slice(0, MAX_CHARACTERS))
  let [mostlyUnknown, unknown, tokens] = [0, 0, 0]
  for (const text of texts) {
    const ids = tokenizer.encode(text)
    const share = tokenizer.unknownShare(ids)
    if (share >= MOSTLY_UNKNOWN_SHARE) mostlyUnknown++
    unknown += share * ids.length
    tokens += ids.length
  }
  const tokensPerWord = countTokensPerWord(texts, tokenizer)
  return {
    rows: texts.length,
    mostlyUnknown,
    unknownShare: unknown / tokens,
    ...(tokensPerWord !== undefined && { tokensPerWord }),
  }
}

/** Returns the mean number of tokens of the words in Latin letters, because other scripts may not separate words. */
function countTokensPerWord(texts: readonly string[], tokenizer: Tokenizer): number | undefined {
  const tokensOf = new Map<string, number>()
  let [words, tokens] = [0, 0]
  for (const text of texts)
    for (const word of text.match(/(?<![\p{L}\p{M}])[\p{Script=Latin}\p{M}]+(?![\p{L}\p{M}])/gu) ?? []) {
      const count = tokensOf.get(word) ?? tokenizer.wordIds(word).length
      tokensOf.set(word, count)
      words++
      tokens += count
    }
  return words < MIN_WORDS ? undefined : tokens / words
}
