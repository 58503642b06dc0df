import { fail } from '../../core/errors.ts'
import { requireTwoLabels } from '../../model/label-words.ts'
import type { DatasetRow } from '../store/datasets.ts'

type LabelCounts = Pick<DatasetRow, 'name' | 'labels'>

/**
 * Requires that every label of a data set is known, because an adapter can be measured only on labels that it was
 * trained on.
 * @param owner whatever has the known labels, as the error names it: `the adapter film-lora`
 * @throws GraftError `data_label`
 */
export function requireKnownLabels({ name, labels }: LabelCounts, known: readonly string[], owner: string): void {
  const unknown = Object.keys(labels).find((label) => !known.includes(label))
  if (unknown === undefined) return
  fail('data_label', {
    subject: `the data set ${name}`,
    expected: `only labels that ${owner} has: ${known.join(', ')}`,
    found: `the label ${JSON.stringify(unknown)}`,
    fix: 'Choose a data set with these labels.',
  })
}

/**
 * Requires that a data set has enough labels to train on.
 * @throws GraftError `data_classes`
 */
export function requireTrainable({ name, labels }: LabelCounts): void {
  const fix = 'Choose a data set that also has reviews with other labels.'
  requireTwoLabels('data_classes', `the data set ${name}`, Object.keys(labels), fix)
}
