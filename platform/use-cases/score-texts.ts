import type { Row } from '../../serving/engine-types.ts'
import { type AnsweredText, answerTexts } from '../offline/answer-texts.ts'
import type { Platform } from '../platform.ts'
import { getAdapter } from '../store/adapters.ts'
import { theOnlyOne } from './classify.ts'
import { requireSameBase } from './require-same-base.ts'

export interface ScoreRequest {
  texts: readonly string[]
  /** Its id or name; the only one there is where absent. */
  adapter?: string
  /** Where a text that is too long is cut; as the adapter was trained, where absent. */
  truncationSide?: Row['truncationSide']
}

export interface ScoredTexts {
  /** Name of the adapter. */
  adapter: string
  /** SHA-256 of the weights that answered. */
  digest: string
  /** A text each; a prediction comes with its detail. */
  results: AnsweredText[]
}

/**
 * Labels texts and tells all that the engine knows of each.
 * @param signal takes the texts that still wait out of the queue
 * @throws GraftError `adapter_unknown`; `body_invalid` where there are several and none is named; `overloaded`, `shutting_down`
 */
export async function scoreTexts(
  platform: Platform,
  { texts, adapter: named, truncationSide }: ScoreRequest,
  signal?: AbortSignal,
): Promise<ScoredTexts> {
  const { db } = platform.store
  const row = named === undefined ? await theOnlyOne(db) : await getAdapter(db, named)
  requireSameBase(row, platform.base)
  const asked = texts.map((text, i) => ({
    subject: `inputs[${i}]`,
    text,
    adapter: row.artifact,
    called: row.name,
    truncationSide,
    detailed: true,
  }))
  return { adapter: row.name, digest: row.digest, results: await answerTexts(platform, asked, signal) }
}
