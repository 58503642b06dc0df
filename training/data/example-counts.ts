import type { Example } from './check-row.ts'
import { makeDuplicateCounter } from './duplicates.ts'

/** The facts about the examples of a file. */
export interface ExampleFacts {
  rows: number
  /** The number of examples of each label. Empty if `unlabelled` allows rows without one. */
  labels: ReadonlyMap<string, number>
  /** Examples whose text repeats an earlier one. */
  duplicates: number
}

/** Counts examples while a file is read, in one pass and without keeping their texts. */
export interface ExampleCounter {
  add(example: Example): void
  readonly rows: number
  readonly labels: ReadonlyMap<string, number>
  /** Takes the examples of a label out of the counts, except out of the duplicates. */
  removeLabel(label: string): void
  finish(): ExampleFacts
}

/** Makes a counter of everything that is known about a data set. Whatever else is to be counted is counted here. */
export function makeExampleCounter({ unlabelled }: { unlabelled: boolean }): ExampleCounter {
  const labels = new Map<string, number>()
  const texts = makeDuplicateCounter()
  let rows = 0
  return {
    add({ text, label }) {
      rows++
      if (!unlabelled) labels.set(label, (labels.get(label) ?? 0) + 1)
      texts.add(text)
    },
    get rows() {
      return rows
    },
    labels,
    removeLabel(label) {
      rows -= labels.get(label) ?? 0
      labels.delete(label)
    },
    finish: () => ({ rows, labels, duplicates: texts.count() }),
  }
}
