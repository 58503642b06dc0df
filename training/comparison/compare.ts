import { binCalibration } from '../calibration-scores.ts'
import { computeMetrics, LENGTH_SLICES, type Prediction, wilsonInterval } from '../metrics.ts'
import { pairedBootstrapInterval } from './bootstrap.ts'
import type {
  AdapterPredictions,
  AdapterResult,
  ComparedExample,
  ComparedSlice,
  Comparison,
  PairResult,
} from './comparison.ts'
import { smallestDetectable } from './detectable.ts'
import { findFlips } from './flips.ts'
import { decideDifferences, type PairCounts, SIGNIFICANCE_LEVEL } from './mcnemar.ts'
import { describeComparison, describePair } from './verdict.ts'

/**
 * Compares two or more adapters on the same examples: which is better, and how small a difference would not show.
 * @param examples at least one
 * @param adapters at least two, with different names. Each has a prediction for every example.
 * @throws GraftError `data_empty`, `training_diverged`
 */
export function compare(examples: readonly ComparedExample[], adapters: readonly AdapterPredictions[]): Comparison {
  const results = adapters.map(toAdapterResult)
  const correct = adapters.map(({ predictions }) => predictions.map(isCorrect))
  const pairs = comparePairs(
    adapters.map(({ name }) => name),
    correct,
  )
  const differences = pairs.map(({ smallest_detectable }) => smallest_detectable)
  const detectable = differences.includes(null) ? null : Math.max(...differences.map(Number))
  return {
    n: examples.length,
    adapters: results,
    pairs,
    slices: compareSlices(examples, correct),
    ...findFlips(examples, adapters),
    smallest_detectable: detectable,
    verdict: describeComparison(results, pairs, detectable),
  }
}

function toAdapterResult({ name, labels, predictions, trainable }: AdapterPredictions): AdapterResult {
  const { n, accuracy, interval, f1, ece } = computeMetrics(predictions, labels)
  const bins = binCalibration(predictions).map((bin) => ({
    ...bin,
    interval: wilsonInterval(Math.round(bin.n * bin.accuracy), bin.n),
  }))
  return { name, n, accuracy, interval, f1, ece, bins, ...(trainable !== undefined && { trainable }) }
}

const isCorrect = ({ label, probabilities }: Prediction): boolean =>
  probabilities.indexOf(Math.max(...probabilities)) === label

function comparePairs(names: readonly string[], correct: readonly (readonly boolean[])[]): PairResult[] {
  const counted = names.flatMap((a, i) =>
    names.slice(i + 1).map((b, j) => ({ a, b, ...countDiscordant(correct[i], correct[i + 1 + j]) })),
  )
  const decisions = decideDifferences(counted)
  return counted.map(({ a, b, ...counts }, i) => {
    const { n, wins, losses } = counts
    const { different, ...values } = decisions[i]
    const numbers = {
      a,
      b,
      difference: (wins - losses) / n,
      interval: pairedBootstrapInterval(counts),
      wins,
      losses,
      ...values,
      better: different ? (wins > losses ? b : a) : null,
      smallest_detectable: smallestDetectable(counts, SIGNIFICANCE_LEVEL / counted.length),
    }
    return { ...numbers, verdict: describePair(numbers, n) }
  })
}

function countDiscordant(first: readonly boolean[], second: readonly boolean[]): PairCounts {
  const wins = second.filter((correct, i) => correct && !first[i]).length
  const losses = first.filter((correct, i) => correct && !second[i]).length
  return { n: first.length, wins, losses }
}

/** Returns the slices by length and by label. Empty slices are left out. */
function compareSlices(
  examples: readonly ComparedExample[],
  correct: readonly (readonly boolean[])[],
): ComparedSlice[] {
  const toSlice = (
    by: ComparedSlice['by'],
    name: string,
    includes: (example: ComparedExample) => boolean,
  ): ComparedSlice => {
    const rows = examples.flatMap((example, row) => (includes(example) ? [row] : []))
    const n = rows.length
    const counts = correct.map((correctRows) => rows.filter((row) => correctRows[row]).length)
    const adapters = counts.map((count) => ({ accuracy: count / n, interval: wilsonInterval(count, n) }))
    return { by, name, n, adapters }
  }
  const labels = [...new Set(examples.map(({ label }) => label))].sort()
  return [
    ...LENGTH_SLICES.map(({ name, includes }) =>
      toSlice('length', name, ({ tokens }) => includes({ tokens, truncated: false })),
    ),
    ...labels.map((name) => toSlice('label', name, ({ label }) => label === name)),
  ].filter(({ n }) => n > 0)
}
