import type { Adapter } from '../checkpoint/adapter.ts'
import type { Base } from '../checkpoint/base.ts'
import { fail } from '../core/errors.ts'
import type { Truncation } from '../model/encode.ts'

/** How an adapter's scores become answers. */
export interface Answers {
  /** The word that scores each label. */
  words: Readonly<Record<string, string>>
  truncation: Truncation
  /** Scores are divided by it. */
  temperature: number
}

const DEFAULT_TRUNCATION: Truncation = { maxTokens: 512, side: 'left' }

/**
 * What the adapter was trained with; for a folder made by another library, the words that the base names.
 * @throws GraftError `label_words` where neither says
 */
export function answersOf({ manifest }: Adapter, base: Base, subject: string): Answers {
  const words =
    manifest?.label_words ??
    base.labelWords ??
    fail('label_words', {
      subject,
      expected: 'label words in its graft.json, or in the graft-base.json of its base',
      found: 'neither',
      fix: 'Add {"label_words": {"negative": …, "positive": …}} to the graft-base.json of the base.',
    })
  const truncation = manifest?.truncation
  return {
    words,
    truncation: truncation ? { maxTokens: truncation.max_tokens, side: truncation.side } : DEFAULT_TRUNCATION,
    temperature: manifest?.temperature ?? 1,
  }
}
