import { requireTwoLabels } from '../../model/label-words.ts'
import type { Example } from './check-row.ts'
import { type ExampleCounts, type ReadOptions, scanExamples } from './scan-examples.ts'

export interface ExampleFile extends ExampleCounts {
  examples: Example[]
}

/** Reads a file like {@link scanExamples}, into memory. */
export async function readExamples(path: string, options: ReadOptions = {}): Promise<ExampleFile> {
  const examples: Example[] = []
  const counts = await scanExamples(path, options, (example) => void examples.push(example))
  const { labels, rows } = counts
  return {
    ...counts,
    examples: rows === examples.length ? examples : examples.filter(({ label }) => labels.has(label)),
  }
}

/**
 * Requires examples of at least two labels.
 * @throws GraftError `data_classes` with the number of examples
 */
export function requireClasses({ labels }: Pick<ExampleCounts, 'labels'>, path: string): void {
  const counts = [...labels].map(([label, count]) => `${label}, ${count} times`)
  requireTwoLabels('data_classes', path, counts, 'Add reviews with other labels.')
}

/** Returns how many test examples have a text that is also in the training data, and so do not measure new texts. */
export function countLeaked(train: readonly Example[], test: readonly Example[]): number {
  const trainTexts = new Set(train.map(({ text }) => text))
  return test.filter(({ text }) => trainTexts.has(text)).length
}

/** Returns how many examples repeat the text of an earlier one, but have another label than the first of them. */
export function countContradictory(examples: readonly Example[]): number {
  const labels = new Map<string, string>()
  return examples.filter(({ text, label }) => {
    const first = labels.get(text)
    if (first === undefined) labels.set(text, label)
    return first !== undefined && first !== label
  }).length
}
