import { formatCount } from '../../core/format-count.ts'
import { makeRandom } from '../../core/random.ts'
import type { Example } from './check-row.ts'

/** The share of the examples that is held out unless a number is set. */
const DEFAULT_SHARE = 0.1
const MAX_DEFAULT_ROWS = 1000
/**
 * A temperature fitted on n rows has a log loss about 1/(2n) above that of the best one, on average: a hundredth for
 * this number.
 */
const MIN_DEFAULT_ROWS = 50

/** The default rule, for the descriptions of settings. */
export const HELD_OUT_RULE = `a tenth of the reviews, at most ${formatCount(MAX_DEFAULT_ROWS)}; none if there are fewer than ${MIN_DEFAULT_ROWS / DEFAULT_SHARE}`

/** Training data in two parts that share no text. */
export interface SplitExamples {
  trained: Example[]
  /** The examples that the training does not see. The temperature of the adapter is fitted to them. */
  heldOut: Example[]
}

/**
 * Splits training data into the examples to train on and those to hold out. The split depends only on the data and the
 * seed. Each label is held out in proportion, and keeps at least half of its texts in the training.
 * @param rows the number of examples to hold out, at most half of them
 */
export function holdOut(examples: readonly Example[], rows: number | 'auto', seed: number): SplitExamples {
  const heldOut = selectRows(examples, rows === 'auto' ? defaultRows(examples.length) : rows, seed)
  return {
    trained: examples.filter((_, row) => !heldOut.has(row)),
    heldOut: examples.filter((_, row) => heldOut.has(row)),
  }
}

function defaultRows(count: number): number {
  const rows = Math.min(MAX_DEFAULT_ROWS, Math.floor(DEFAULT_SHARE * count))
  return rows < MIN_DEFAULT_ROWS ? 0 : rows
}

function selectRows(examples: readonly Example[], rows: number, seed: number): Set<number> {
  const selected = new Set<number>()
  if (rows === 0) return selected
  // Rows with the same text stay together: a text that is also trained on would make the adapter look too certain.
  const rowsByText = Map.groupBy(examples.keys(), (row) => examples[row].text)
  const texts = makeRandom(seed, 'held-out rows').shuffle([...rowsByText.values()])
  for (const sameText of interleaveLabels(texts, ([row]) => examples[row].label))
    if (selected.size + sameText.length <= rows) for (const row of sameText) selected.add(row)
  return selected
}

/**
 * Returns half of the items of each label, rounded down. Every beginning of the list has the labels in proportion: item
 * i of n has the position (i + 1/2) / n.
 */
function interleaveLabels<T>(items: readonly T[], labelOf: (item: T) => string): T[] {
  return [...Map.groupBy(items, labelOf).values()]
    .flatMap((same) => same.map((item, i) => ({ item, position: (i + 0.5) / same.length })))
    .filter(({ position }) => position < 0.5)
    .sort((a, b) => a.position - b.position)
    .map(({ item }) => item)
}
