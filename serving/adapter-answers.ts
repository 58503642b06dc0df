import type { Adapter } from '../checkpoint/adapter.ts'
import type { Base } from '../checkpoint/base.ts'
import { fail } from '../core/errors.ts'
import type { Cut } from '../model/encode.ts'

/** How an adapter's scores become answers. */
export interface Answers {
  /** The word that scores each label. */
  words: Readonly<Record<string, string>>
  cut: Cut
  /** Scores are divided by it. */
  temperature: number
}

const DEFAULT_CUT: Cut = { maxTokens: 512, cut: 'head' }

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
      mend: 'Add {"label_words": {"negative": …, "positive": …}} to the graft-base.json of the base.',
    })
  const truncation = manifest?.truncation
  return {
    words,
    cut: truncation ? { maxTokens: truncation.max_tokens, cut: truncation.cut } : DEFAULT_CUT,
    temperature: manifest?.temperature ?? 1,
  }
}
