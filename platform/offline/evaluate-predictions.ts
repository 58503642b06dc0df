import { fail } from '../../core/errors.ts'
import type { Reading } from '../../training/data/reading.ts'
import type { Row } from '../../training/data/row.ts'
import { computeMetrics, type Metrics } from '../../training/metrics.ts'
import { PREDICTED } from './predictions-file.ts'
import { cellOf, columnsOf, type RowFile, readRows } from './read-rows.ts'

const SCORES = `${PREDICTED}scores`

/**
 * Computes the metrics of a file with true labels and predictions. It has none by length, because the file does not say
 * how many tokens were read.
 * @param path a file that `graft predict --out` wrote, or `-` for stdin
 * @throws GraftError `data_format` if the file has no predictions; `data_line` or `data_label` for a row
 */
export async function evaluatePredictions(path: string, reading: Reading = {}): Promise<Metrics> {
  const subject = path === '-' ? 'stdin' : path
  const file = await readRows(path, reading)
  const { rows } = file
  const column = findScores(file) ?? throwNoPredictions(subject)
  const labels = [...readScores(rows[0].row, column, subject).keys()]
  const predictions = rows.map(({ example, row }) => {
    const scores = readScores(row, column, subject, labels)
    const label = labels.indexOf(example.label)
    if (label < 0) throwUnknownLabel(`${subject}, line ${row.line}`, example.label, labels)
    return { label, probabilities: labels.map((name) => scores.get(name) ?? 0), tokens: 0, truncated: false }
  })
  return { ...computeMetrics(predictions, labels), slices: [] }
}

/** Returns the column of the scores. Beside plain `scores`, the column `label` has predictions, not true labels. */
function findScores({ rows, columns }: RowFile): string | undefined {
  const names = columnsOf(rows[0].row)
  const plain = columns?.label !== undefined && columns.label !== 'label' ? ['scores'] : []
  return [SCORES, ...plain].find((name) => names.includes(name))
}

/** @param labels the labels that must have a score. Defaults to any. */
function readScores(row: Row, column: string, subject: string, labels?: readonly string[]): Map<string, number> {
  const given = cellOf(row, column)
  const scores = new Map(Object.entries(parseScores(given)))
  const known = labels ?? [...scores.keys()]
  const isScore = (score: unknown) => typeof score === 'number' && score >= 0 && score <= 1
  if (scores.size > 0 && scores.size === known.length && known.every((label) => isScore(scores.get(label))))
    return scores as Map<string, number>
  return fail('data_line', {
    subject: `${subject}, line ${row.line}`,
    expected: `a probability of each label in ${column}`,
    found: given === undefined || given === '' ? 'none' : 'something else',
    fix: 'Remove the rows that have no prediction, or predict again.',
  })
}

/** Returns the value of a column with scores: an object, or its JSON in a table. */
function parseScores(value: unknown): object {
  try {
    const parsed: unknown = typeof value === 'string' ? JSON.parse(value) : value
    return typeof parsed === 'object' && parsed !== null ? parsed : {}
  } catch {
    return {}
  }
}

function throwNoPredictions(subject: string): never {
  fail('data_format', {
    subject,
    expected: `the columns text, label and ${SCORES}`,
    found: `no ${SCORES}`,
    fix: 'Add predictions to reviews that have labels: graft predict --adapter NAME --data FILE --out FILE.',
  })
}

function throwUnknownLabel(subject: string, label: string, labels: readonly string[]): never {
  fail('data_label', {
    subject,
    expected: `one of the labels ${labels.join(', ')}, which the adapter knows`,
    found: `the label ${JSON.stringify(label)}`,
    fix: 'Correct the label, or remove the row.',
  })
}
