import { fail } from '../../core/errors.ts'
import type { DatasetRow } from '../store/datasets.ts'

/**
 * What an adapter does not know, it cannot be measured on.
 * @throws GraftError `data_label`
 */
export function requireKnownLabels(
  { name, labels }: Pick<DatasetRow, 'name' | 'labels'>,
  known: readonly string[],
  knower: string,
): void {
  const [unknown] = Object.keys(labels).filter((label) => !known.includes(label))
  if (unknown === undefined) return
  fail('data_label', {
    subject: `the data set ${name}`,
    expected: `labels that ${knower} knows: ${known.join(', ')}`,
    found: `the label ${JSON.stringify(unknown)}`,
    fix: 'Choose data with those labels.',
  })
}

/**
 * Training needs two classes or more.
 * @throws GraftError `data_classes`
 */
export function requireTwoLabels({ name, labels }: Pick<DatasetRow, 'name' | 'labels'>): void {
  if (Object.keys(labels).length > 1) return
  fail('data_classes', {
    subject: `the data set ${name}`,
    expected: 'reviews of two labels or more',
    found: `${Object.keys(labels).join()} alone`,
    fix: 'Choose data with reviews of the other labels, too.',
  })
}
