import { makeRandom } from '../../core/random.ts'
import { compare } from '../../training/comparison/compare.ts'
import type { AdapterPredictions, ComparedExample, Comparison } from '../../training/comparison/comparison.ts'

const labels = ['negative', 'positive']

/** A name, the share of reviews that it classifies correctly, and its trained parameters if they are known. */
export type Contestant = readonly [name: string, accuracy: number, trainable?: number]

/**
 * Compares invented predictions. Contestants are right on the same easy reviews, and each chooses among the hard ones
 * by itself.
 */
export function compareContestants(
  contestants: readonly Contestant[],
  n: number,
  toText: (row: number) => string = (row) => `Review ${row}`,
): Comparison {
  const random = makeRandom(0, 'contestants')
  const difficulty = Array.from({ length: n }, () => random.uniform())
  const examples = difficulty.map(
    (_, row): ComparedExample => ({
      id: `test/${row}`,
      text: toText(row),
      label: labels[row % 2],
      tokens: 40 + random.integer(600),
    }),
  )
  const adapters = contestants.map(
    ([name, accuracy, trainable]): AdapterPredictions => ({
      name,
      labels,
      trainable,
      predictions: difficulty.map((difficult, row) => {
        const isRight = 0.85 * difficult + 0.15 * random.uniform() < accuracy
        const predicted = isRight ? row % 2 : 1 - (row % 2)
        const sure = 0.5 + 0.49 * Math.sqrt(random.uniform()) * (isRight ? 1 : 0.8)
        return {
          label: row % 2,
          probabilities: labels.map((_, i) => (i === predicted ? sure : 1 - sure)),
          tokens: 64,
          truncated: false,
        }
      }),
    }),
  )
  return compare(examples, adapters)
}
