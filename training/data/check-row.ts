import { describeValue } from '../../core/describe.ts'
import { findLabelProblem, LABEL_RULE } from '../../core/label-rule.ts'
import { withoutHtmlBreaks } from '../../model/html-breaks.ts'
import { findTextProblem } from '../../model/valid-text.ts'
import type { Row } from './row.ts'

/** A labelled text. */
export interface Example {
  /** The id in the file, or else the number of the line. */
  id: string
  text: string
  /** Empty if the row has no label, which only `unlabelled` allows. */
  label: string
}

/** A mismatch between a row and an example. */
export interface RowProblem {
  expected: string
  found: string
}

const EXPECTED_ROW = 'a row with a text and a label'

/** Returns the example of a row, or its problem. */
export function checkRow({ line, id, text, label, problem }: Row, unlabelled: boolean): Example | RowProblem {
  if (problem !== undefined) return { expected: EXPECTED_ROW, found: problem }
  const readText = typeof text === 'string' ? withoutHtmlBreaks(text) : text
  const textProblem = isMissing(text) ? { expected: 'a text', found: `no text (${text})` } : findTextProblem(readText)
  if (textProblem) return textProblem
  const name = toLabel(label)
  const labelProblem = unlabelled ? undefined : findLabelFault(name)
  if (labelProblem) return labelProblem
  const hasId = typeof id === 'number' || (typeof id === 'string' && id !== '')
  return {
    id: String(hasId ? id : line),
    text: readText as string,
    label: typeof name === 'string' && !isMissing(name) ? name : '',
  }
}

function findLabelFault(label: unknown): RowProblem | undefined {
  const toProblem = (found: string): RowProblem => ({ expected: LABEL_RULE, found })
  if (label === undefined || label === '') return toProblem('no label')
  if (isMissing(label)) return toProblem(`no label (${label})`)
  if (typeof label !== 'string') return toProblem(describeValue(label))
  const problem = findLabelProblem(label)
  return problem === undefined ? undefined : toProblem(problem)
}

function toLabel(label: unknown): unknown {
  if (typeof label === 'string') return label.trim()
  return typeof label === 'number' || typeof label === 'boolean' ? String(label) : label
}

/** Returns whether a cell is what pandas and spreadsheets write for a value that is missing. */
const isMissing = (value: unknown): boolean => typeof value === 'string' && /^\s*(?:nan|#N\/A)\s*$/i.test(value)
