import { fail } from '../../core/errors.ts'
import { listLabels } from '../../core/label-rule.ts'
import { requireTwoLabels } from '../../model/label-words.ts'
import type { DatasetRow } from '../store/datasets.ts'

type LabelCounts = Pick<DatasetRow, 'name' | 'labels'>

/**
 * Requires that every label of a data set is known, because an adapter can be measured only on labels that it was
 * trained on.
 * @param owner the phrase in the error for what has the known labels, such as `the adapter film-lora`
 * @throws GraftError `data_label`
 */
export function requireKnownLabels({ name, labels }: LabelCounts, known: readonly string[], owner: string): void {
  const unknown = Object.keys(labels).find((label) => !known.includes(label))
  if (unknown === undefined) return
  fail('data_label', {
    subject: `the data set ${name}`,
    expected: `only labels that ${owner} has: ${listLabels(known)}`,
    found: `the label ${JSON.stringify(unknown)}`,
    fix: 'Choose a data set with these labels.',
  })
}

/**
 * Requires that a data set has at least two labels, which a training needs.
 * @throws GraftError `data_classes`
 */
export function requireTrainable({ name, labels }: LabelCounts): void {
  const fix = 'Choose a data set that also has reviews with other labels.'
  requireTwoLabels('data_classes', `the data set ${name}`, Object.keys(labels), fix)
}
