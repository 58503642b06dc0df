import type { Row } from '../../serving/engine-types.ts'
import { classifyRows, type RowResult } from '../offline/classify-rows.ts'
import type { Caller, Platform } from '../platform.ts'
import { selectAdapters } from '../store/adapters.ts'
import { getOnlyAdapter } from './classify.ts'
import { requireSameBase } from './require-same-base.ts'

export interface ScoreRequest {
  texts: readonly string[]
  /** An adapter's id or name. Defaults to the only adapter. */
  adapter?: string
  /** The side on which long texts are truncated. Defaults to the side that the adapter was trained with. */
  truncationSide?: Row['truncationSide']
}

export interface ScoredTexts {
  /** Name of the adapter. */
  adapter: string
  /** SHA-256 of the weights that answered. */
  digest: string
  /** One for each text. A prediction includes its detail. */
  results: RowResult[]
}

/**
 * Classifies texts and includes the detail of each prediction.
 * @param signal aborts to remove the texts that are still waiting from the queue
 * @param caller the key that sends the texts. Keys take turns
 * @throws GraftError `adapter_unknown`, `base_mismatch`, `overloaded`, `prediction_timeout`, `shutting_down`;
 *   `body_invalid` if several adapters are served and the request names none
 */
export async function scoreTexts(
  platform: Platform,
  { texts, adapter, truncationSide }: ScoreRequest,
  signal?: AbortSignal,
  caller?: Caller,
): Promise<ScoredTexts> {
  const { db } = platform.store
  const selected =
    adapter === undefined ? await getOnlyAdapter(db) : (await selectAdapters(db, [adapter], () => 'adapter'))[0]
  requireSameBase(selected, platform)
  const { name, digest, artifact, base_id } = selected
  const rows = texts.map((text, i) => ({
    subject: `inputs[${i}]`,
    text,
    adapter: artifact,
    base: base_id,
    displayName: name,
    truncationSide,
    detailed: true,
  }))
  return { adapter: name, digest, results: await classifyRows(platform, rows, signal, caller?.owner || undefined) }
}
