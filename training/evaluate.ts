import type { LoadedProgram } from '../graph/runtime/pool.ts'
import type { Model } from '../model/architecture.ts'
import { padBatch, softmax } from '../model/batch.ts'
import type { TokenizedExamples } from './data/prepare.ts'
import { MICRO_TOKENS } from './data/steps.ts'
import { computeMetrics, type Metrics, type Prediction } from './metrics.ts'

interface PredictOptions {
  /** The divisor of the logits. Defaults to 1. */
  temperature?: number
  /** Called with the number of examples classified so far. */
  onProgress?(done: number): void
}

/** Classifies every example and computes the metrics. Takes the parameters of {@link predictAll}. */
export async function evaluate(
  ...[classifier, examples, labelNames, model, options]: Parameters<typeof predictAll>
): Promise<Metrics> {
  return computeMetrics(await predictAll(classifier, examples, labelNames, model, options), labelNames)
}

/**
 * Classifies every example.
 * @param classifier a classifier program, loaded with the base, the trained tensors and the label words
 * @returns one prediction for each example, in their order
 */
export async function predictAll(
  classifier: LoadedProgram,
  examples: TokenizedExamples,
  labelNames: readonly string[],
  model: Model,
  { temperature = 1, onProgress }: PredictOptions = {},
): Promise<Prediction[]> {
  const { ids, labels, truncated } = examples
  const logits = await computeLogits(classifier, ids, labelNames.length, model, onProgress)
  return ids.map((row, i) => ({
    label: labels[i],
    probabilities: softmax(logits[i], temperature),
    ...(temperature !== 1 && { uncalibrated: softmax(logits[i]) }),
    tokens: row.length,
    truncated: truncated[i],
  }))
}

/**
 * Computes the class logits of every row of token ids.
 * @param classifier as of {@link predictAll}
 * @param onProgress called with the number of rows done so far
 * @returns [C] for each row, in their order
 */
export async function computeLogits(
  classifier: LoadedProgram,
  ids: readonly Int32Array[],
  classes: number,
  model: Model,
  onProgress: (done: number) => void = () => {},
): Promise<Float32Array[]> {
  const logits: Float32Array[] = new Array(ids.length)
  let done = 0
  await Promise.all(
    batchByLength(ids).map(async (rows) => {
      const { inputIds, attentionMask, batch, source } = padBatch(
        rows.map((row) => ids[row]),
        model.padTokenId,
      )
      const feeds = { input_ids: inputIds, attention_mask: attentionMask, ...model.rowInputs(batch) }
      const { scores } = await classifier.run(feeds, { batch, source }) // [B, 1, C]
      for (const [i, row] of rows.entries())
        logits[row] = (scores as Float32Array).slice(i * classes, (i + 1) * classes)
      done += rows.length
      onProgress(done)
    }),
  )
  return logits
}

/** Returns batches of row numbers of similar length. The longest come first, because they need the most memory. */
function batchByLength(ids: readonly Int32Array[]): number[][] {
  const order = ids.map((_, i) => i).sort((a, b) => ids[b].length - ids[a].length)
  const batches: number[][] = []
  for (const row of order) {
    const batch = batches.at(-1)
    if (batch && (batch.length + 1) * ids[batch[0]].length <= MICRO_TOKENS) batch.push(row)
    else batches.push([row])
  }
  return batches
}
