import { type Answer, LENGTHS, metrics, wilson } from '../metrics.ts'
import { pairedBootstrap } from './bootstrap.ts'
import type { AdapterResult, Answered, ComparedReview, ComparedSlice, Comparison, PairResult } from './comparison.ts'
import { smallestDetectable } from './detectable.ts'
import { flippedReviews } from './flipped.ts'
import { decide, LEVEL } from './mcnemar.ts'
import { pairVerdict, verdictOf } from './verdict.ts'

/**
 * Which of two or more adapters is better, and what these reviews cannot tell.
 * @param reviews one or more
 * @param adapters two or more of different names; each answered every review
 * @throws GraftError `data_empty`, `training_diverged`
 */
export function compare(reviews: readonly ComparedReview[], adapters: readonly Answered[]): Comparison {
  const results = adapters.map(resultOf)
  const right = adapters.map(({ answers }) => answers.map(isRight))
  const pairs = comparePairs(
    adapters.map(({ name }) => name),
    right,
  )
  const smallest = pairs.map(({ smallest_detectable }) => smallest_detectable)
  const largest = smallest.some((difference) => difference === null) ? null : Math.max(...smallest.map(Number))
  return {
    n: reviews.length,
    adapters: results,
    pairs,
    slices: slicesOf(reviews, right),
    ...flippedReviews(reviews, adapters),
    smallest_detectable: largest,
    verdict: verdictOf(results, pairs, largest),
  }
}

function resultOf({ name, labels, answers }: Answered): AdapterResult {
  const { n, accuracy, interval, f1, ece } = metrics(answers, labels)
  return { name, n, accuracy, interval, f1, ece }
}

const isRight = ({ label, probabilities }: Answer): boolean =>
  probabilities.indexOf(Math.max(...probabilities)) === label

function comparePairs(names: readonly string[], right: readonly (readonly boolean[])[]): PairResult[] {
  const counted = names.flatMap((a, i) =>
    names.slice(i + 1).map((b, j) => ({ a, b, ...countsOf(right[i], right[i + 1 + j]) })),
  )
  const decided = decide(counted)
  return counted.map(({ a, b, ...counts }, i) => {
    const { n, wins, losses } = counts
    const { different, ...values } = decided[i]
    const found = {
      a,
      b,
      difference: (wins - losses) / n,
      interval: pairedBootstrap(counts),
      wins,
      losses,
      ...values,
      better: different ? (wins > losses ? b : a) : null,
      smallest_detectable: smallestDetectable(counts, LEVEL / counted.length),
    }
    return { ...found, verdict: pairVerdict(found, n) }
  })
}

function countsOf(first: readonly boolean[], second: readonly boolean[]) {
  const wins = second.filter((right, i) => right && !first[i]).length
  const losses = first.filter((right, i) => right && !second[i]).length
  return { n: first.length, wins, losses }
}

/** By length and by label, those that hold a review. */
function slicesOf(reviews: readonly ComparedReview[], right: readonly (readonly boolean[])[]): ComparedSlice[] {
  const slice = (by: ComparedSlice['by'], name: string, holds: (review: ComparedReview) => boolean): ComparedSlice => {
    const rows = reviews.flatMap((review, row) => (holds(review) ? [row] : []))
    const n = rows.length
    const counts = right.map((of) => rows.filter((row) => of[row]).length)
    return { by, name, n, adapters: counts.map((count) => ({ accuracy: count / n, interval: wilson(count, n) })) }
  }
  const labels = [...new Set(reviews.map(({ label }) => label))].sort()
  return [
    ...LENGTHS.map(({ name, holds }) => slice('length', name, ({ tokens }) => holds({ tokens, truncated: false }))),
    ...labels.map((name) => slice('label', name, ({ label }) => label === name)),
  ].filter(({ n }) => n > 0)
}
