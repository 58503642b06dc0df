import { fail } from '../../core/errors.ts'
import type { RowProblem } from './check-row.ts'
import { throwFormat } from './read-contents.ts'
import { describeSkipped, type SkippedRows } from './skipped-rows.ts'

/** @throws GraftError `data_line` */
export function throwBadRow(path: string, line: number, problem: RowProblem): never {
  const fix = 'Correct the line, or skip such lines with skip_bad (--skip-bad on the command line).'
  return fail('data_line', { subject: `${path}, line ${line}`, ...problem, fix })
}

/** @throws GraftError `data_too_large` */
export function throwTooMany(path: string, line: number, limit: string): never {
  return fail('data_too_large', {
    subject: `${path}, line ${line}`,
    expected: `at most ${limit}`,
    found: 'more',
    fix: limit.endsWith('labels') ? 'Check which column has the labels.' : 'Divide the file, or remove rows.',
  })
}

/**
 * Throws the error for a file without a single example. If every row has a problem, it is one of the file.
 * @throws GraftError `data_empty` or `data_format`
 */
export function throwNoExamples(path: string, bad: SkippedRows): never {
  if (bad.rows > 0)
    throwFormat(path, {
      expected: 'rows with a text and a label',
      found: `none: every row has ${describeSkipped(bad)}`,
      fix: 'Check the format of the file, and which columns have the texts and the labels (text_column, label_column).',
    })
  return fail('data_empty', { subject: path, problem: 'has no reviews', fix: 'Add reviews, one per line.' })
}
