// A use case with its schemas, which route.ts offers over HTTP and tool.ts over MCP.
import { z } from 'zod'
import type { Platform } from '../../platform/platform.ts'
import { MAX_INPUTS } from '../../platform/schemas/classify.ts'
import { exactObject, idOrName, text } from '../../platform/schemas/common.ts'
import { scoreTexts } from '../../platform/use-cases/score-texts.ts'

// #region schemas
export const tallyRequest = exactObject({
  texts: z
    .array(text, { error: 'a list of texts' })
    .min(1, 'at least one text')
    .max(MAX_INPUTS, `at most ${MAX_INPUTS} texts`)
    .describe('The texts to count.'),
  adapter: idOrName('an adapter').optional().describe('Required if several adapters are served.'),
})
export type TallyRequest = z.infer<typeof tallyRequest>

export const tally = z.strictObject({
  adapter: z.string().describe('The name of the adapter.'),
  counts: z.record(z.string(), z.int()).describe('The number of texts with each label.'),
  failed: z.int().describe('The number of texts that could not be classified.'),
})
export type Tally = z.infer<typeof tally>
// #endregion

// #region use-case
/**
 * Counts the labels of texts.
 * @param signal aborts to remove the texts that are still waiting from the queue
 * @throws GraftError `adapter_unknown`; `body_invalid` if several adapters are served and none is named; `overloaded`,
 * `shutting_down`
 */
export async function tallyTexts(platform: Platform, request: TallyRequest, signal?: AbortSignal): Promise<Tally> {
  const { adapter, results } = await scoreTexts(platform, request, signal)
  const labels = results.flatMap((result) => ('error' in result ? [] : [result.label]))
  const counts = [...Map.groupBy(labels, (label) => label)].map(([label, { length }]) => [label, length])
  return { adapter, counts: Object.fromEntries(counts), failed: results.length - labels.length }
}
// #endregion
