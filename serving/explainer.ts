import type { Program } from '../graph/program.ts'
import type { LoadedProgram } from '../graph/runtime/pool.ts'
import type { Model } from '../model/architecture.ts'
import { FRAME, type LocatedWords } from '../model/locate-words.ts'
import { measureBatchBytes } from './batch-bytes.ts'
import type { Explainer, Point, QueueEntry } from './queue-entry.ts'
import { type BatchSizes, type ParameterFeeds, runEntries } from './run-batch.ts'

/**
 * Makes the explainer of a configuration.
 * @param program that of {@link explanationProgram}, before and after it is loaded
 * @param parametersOf returns the parameters of the adapter of these entries
 */
export function makeExplainer(
  program: Program,
  loaded: LoadedProgram,
  model: Model,
  parametersOf: (entries: readonly QueueEntry[]) => ParameterFeeds,
): Explainer {
  const bytes = measureBatchBytes(program)
  return {
    batchBytes: () => (rows, shape) => (shape.isMixed ? Number.POSITIVE_INFINITY : bytes(rows, shape)),
    async computePoints(entries) {
      const feedsOf = (sizes: BatchSizes) => feedPoints(entries, sizes)
      const { results, source } = await runEntries(loaded, entries, model, parametersOf(entries), feedsOf)
      const [differences, contributions] = [results.difference, results.contributions] as Float32Array[] // [B], [B, S]
      return entries.map(({ ids }, i) => {
        const result = new Float32Array(1 + ids.length)
        result[0] = differences[i]
        result.set(contributions.subarray(i * source, i * source + ids.length), 1)
        return result
      })
    },
  }
}

function feedPoints(entries: readonly QueueEntry[], { batch, source, labels }: BatchSizes) {
  const points = entries.map(({ point }) => point as Point)
  const direction = new Float32Array(batch * labels)
  for (const [i, { target, against }] of points.entries()) {
    direction[i * labels + target] = 1
    direction[i * labels + against] = -1
  }
  const isText = new Float32Array(batch * source)
  for (const [i, { located }] of entries.entries())
    for (const [t, word] of (located as LocatedWords).wordOf.entries()) isText[i * source + t] = word === FRAME ? 0 : 1
  return {
    is_text: isText,
    alpha: Float32Array.from(points, ({ alpha }) => alpha),
    direction,
  }
}
