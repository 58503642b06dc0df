import type { Adapter } from '../checkpoint/adapter.ts'
import type { Base } from '../checkpoint/base.ts'
import type { Manifest } from '../checkpoint/manifest.ts'
import { fail } from '../core/errors.ts'
import type { Truncation } from '../model/encode.ts'

/** How an adapter reads texts and turns logits into probabilities. */
export interface AdapterSettings {
  /** The word that scores each label. */
  words: Readonly<Record<string, string>>
  truncation: Truncation
  /** The number by which logits are divided before softmax. */
  temperature: number
}

const DEFAULT_TRUNCATION: Truncation = { maxTokens: 512, side: 'left' }

/**
 * Returns the settings that the adapter was trained with. An adapter made by another library has no settings; it gets
 * the defaults and the label words of the base.
 * @throws GraftError `label_words` if neither the adapter nor the base has any
 */
export function settingsOf({ manifest }: Adapter, base: Base, subject: string): AdapterSettings {
  const words =
    manifest?.label_words ??
    base.labelWords ??
    fail('label_words', {
      subject,
      problem: 'has no label words in its graft.json, and neither does its base in graft-base.json',
      fix: 'Add {"label_words": {"negative": …, "positive": …}} to the graft-base.json of the base.',
    })
  return { words, truncation: truncationOf(manifest), temperature: manifest?.temperature ?? 1 }
}

/** Returns how an adapter truncates texts. */
export const truncationOf = (manifest?: Manifest): Truncation =>
  manifest?.truncation
    ? { maxTokens: manifest.truncation.max_tokens, side: manifest.truncation.side }
    : DEFAULT_TRUNCATION
