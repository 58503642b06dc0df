import { fail } from '../../core/errors.ts'
import { listLabels } from '../../core/label-rule.ts'

/** Collects the labels of a file that are not allowed. */
export interface UnknownLabels {
  check(label: string, line: number): void
  /**
   * Requires that every label was allowed.
   * @throws GraftError `data_label`
   */
  requireNone(rows: number): void
}

const MAX_SHOWN = 10

/**
 * Makes a check of labels. A row with another label is an error even if bad rows are skipped: an accuracy without the
 * rows that an adapter cannot get right would look too good.
 * @param allowed defaults to any label
 */
export function makeUnknownLabels(path: string, allowed?: readonly string[]): UnknownLabels {
  const known = allowed && new Set(allowed)
  const unknown = new Map<string, number>()
  let firstLine = 0
  return {
    check(label, line) {
      if (!known || known.has(label)) return
      if (unknown.size === 0) firstLine = line
      unknown.set(label, (unknown.get(label) ?? 0) + 1)
    },
    requireNone(rows) {
      if (!known || unknown.size === 0) return
      const count = [...unknown.values()].reduce((sum, n) => sum + n, 0)
      const listed = [...unknown]
        .sort(([, a], [, b]) => b - a)
        .slice(0, MAX_SHOWN)
        .map(([label, n]) => `${JSON.stringify(label)} (${n})`)
        .join(', ')
      fail('data_label', {
        subject: `${path}, line ${firstLine}`,
        expected: `one of the labels ${listLabels([...known])}`,
        found:
          count === 1
            ? `the label ${JSON.stringify([...unknown.keys()][0])}`
            : `other labels in ${count} of ${rows} rows: ${listed}${unknown.size > MAX_SHOWN ? ', …' : ''}`,
        fix: 'Correct the labels, or remove these rows. They are never skipped, because the accuracy would look too good.',
      })
    },
  }
}
