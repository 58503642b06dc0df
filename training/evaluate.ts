import type { Loaded } from '../graph/runtime/pool.ts'
import { padRows, softmax } from '../model/batch.ts'
import type { T5Config } from '../model/t5/config.ts'
import type { Examples } from './data/prepare.ts'
import { MICRO_TOKENS } from './data/steps.ts'
import { type Answer, type Metrics, metrics } from './metrics.ts'

/** Classifies every review and measures the answers, as {@link answerAll} does and by its parameters. */
export async function evaluate(
  ...[classifier, examples, names, t5, onProgress]: Parameters<typeof answerAll>
): Promise<Metrics> {
  return metrics(await answerAll(classifier, examples, names, t5, onProgress), names)
}

/**
 * Classifies every review.
 * @param classifier a classifier program, loaded with base, trained tensors and words
 * @param names of the labels
 * @param onProgress reviews done so far
 * @returns one answer for each, in their order
 */
export async function answerAll(
  classifier: Loaded,
  { ids, labels, truncated }: Examples,
  names: readonly string[],
  t5: T5Config,
  onProgress: (done: number) => void = () => {},
): Promise<Answer[]> {
  const probabilities: number[][] = new Array(ids.length)
  let done = 0
  await Promise.all(
    lengthSorted(ids).map(async (rows) => {
      const { inputIds, attentionMask, batch, source } = padRows(
        rows.map((row) => ids[row]),
        t5.padTokenId,
      )
      const feeds = {
        input_ids: inputIds,
        attention_mask: attentionMask,
        decoder_input_ids: new Int32Array(batch).fill(t5.decoderStartTokenId),
      }
      const { scores } = await classifier.run(feeds, { batch, source })
      for (const [i, row] of rows.entries())
        probabilities[row] = softmax((scores as Float32Array).subarray(i * names.length, (i + 1) * names.length))
      done += rows.length
      onProgress(done)
    }),
  )
  return ids.map((row, i) => ({
    label: labels[i],
    probabilities: probabilities[i],
    tokens: row.length,
    truncated: truncated[i],
  }))
}

/** Row numbers in batches of like length, the longest first, so that what needs most memory comes first. */
function lengthSorted(ids: readonly Int32Array[]): number[][] {
  const order = ids.map((_, i) => i).sort((a, b) => ids[b].length - ids[a].length)
  const batches: number[][] = []
  for (const row of order) {
    const batch = batches.at(-1)
    if (batch && (batch.length + 1) * ids[batch[0]].length <= MICRO_TOKENS) batch.push(row)
    else batches.push([row])
  }
  return batches
}
