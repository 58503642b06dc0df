import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { fail } from '../../core/errors.ts'
import { requireTwoLabels } from '../../model/label-words.ts'
import { findTextProblem } from '../../model/valid-text.ts'
import { readContents, readLines, throwFormat } from './read-lines.ts'
import { detectFormat, excerpt, jsonLines, type Row, type RowReader } from './row-readers.ts'

/** A labelled text. */
export interface Example {
  /** The id in the file, or else the number of the line. */
  id: string
  text: string
  /** Empty if the row has no label, which only `unlabelled` allows. */
  label: string
}

export interface ExampleFile {
  examples: Example[]
  skipped: { line: number; reason: string }[]
  /** Examples whose text repeats an earlier one. */
  duplicates: number
  /** SHA-256 of the bytes of the file, in hexadecimal digits. */
  sha256: string
  format: 'jsonl' | 'csv'
}

export interface ReadOptions {
  /** The labels allowed. Defaults to any. */
  labels?: readonly string[]
  /** Skips rows that cannot be read, and lists them in the result. */
  skipBad?: boolean
  /** Allows rows without a label. */
  unlabelled?: boolean
}

/**
 * Reads examples from one of three formats, each plain or compressed with gzip: JSON lines `{"text", "label", "id"?}`,
 * JSON lines in OpenAI's format for fine-tuning (`{"messages": …}`), or CSV (RFC 4180; the delimiter may also be a tab
 * or a semicolon) with the columns text, label and optionally id. The content determines the format, not the file name.
 * @throws GraftError `file_missing`, `data_empty`, `data_format`; `data_line` or `data_label` with the number of a line
 */
export async function readExamples(path: string, options: ReadOptions = {}): Promise<ExampleFile> {
  const hash = createHash('sha256')
  const file: Omit<ExampleFile, 'sha256' | 'format'> = { examples: [], skipped: [], duplicates: 0 }
  const texts = new Set<string>()
  let reader: RowReader | undefined

  const addRow = (row: Row) => {
    const checked = checkRow(row, options)
    if ('text' in checked) {
      file.examples.push(checked)
      if (texts.has(checked.text)) file.duplicates++
      else texts.add(checked.text)
    } else if (options.skipBad && !row.fatal) file.skipped.push({ line: row.line, reason: checked.found })
    else throwBadRow(path, row.line, checked)
  }

  for await (const { line, bytes } of readLines(readContents(path, hash), path)) {
    const text = bytes.toString().replace(/^\ufeff|\r$/g, '')
    if (!reader) {
      if (text.trim() === '') continue
      reader = detectFormat(text, path, options)
      if (reader.hasHeader) continue
    }
    const row = reader.readLine(line, text, isUtf8(bytes))
    if (row) addRow(row)
  }
  const lastRow = reader?.finish?.()
  if (lastRow) addRow(lastRow)
  if (file.examples.length === 0) throwNoExamples(path, file.skipped)
  return { ...file, sha256: hash.digest('hex'), format: reader === jsonLines ? 'jsonl' : 'csv' }
}

/**
 * Requires examples of at least two labels.
 * @throws GraftError `data_classes` with the number of examples
 */
export function requireClasses(examples: readonly Example[], path: string): void {
  const counts = new Map<string, number>()
  for (const { label } of examples) counts.set(label, (counts.get(label) ?? 0) + 1)
  const labels = [...counts].map(([label, count]) => `${label}, ${count} times`)
  requireTwoLabels('data_classes', path, labels, 'Add reviews with other labels.')
}

/** Returns how many test examples have a text that is also in the training data, and so do not measure new texts. */
export function countLeaked(train: readonly Example[], test: readonly Example[]): number {
  const trainTexts = new Set(train.map(({ text }) => text))
  return test.filter(({ text }) => trainTexts.has(text)).length
}

interface RowProblem {
  code: 'data_line' | 'data_label'
  expected: string
  found: string
}

function checkRow({ line, fields, problem }: Row, { labels, unlabelled = false }: ReadOptions): Example | RowProblem {
  const toProblem = (expected: string, found: string): RowProblem => ({ code: 'data_line', expected, found })
  if (!fields) return toProblem('a row with a text and a label', problem ?? 'none')
  const { id, text, label } = fields
  const textProblem = findTextProblem(text)
  if (textProblem) return { code: 'data_line', ...textProblem }
  const name = typeof label === 'number' ? String(label) : label
  if (typeof name !== 'string' || name.trim() === '') {
    if (!unlabelled) return toProblem('a label', label === undefined ? 'no label' : `${excerpt(label)} as its label`)
  } else if (labels && !labels.includes(name.trim())) {
    return {
      code: 'data_label',
      expected: `one of the labels ${labels.join(', ')}`,
      found: `the label ${excerpt(name.trim())}`,
    }
  }
  const hasId = typeof id === 'number' || (typeof id === 'string' && id !== '')
  return { id: String(hasId ? id : line), text: text as string, label: typeof name === 'string' ? name.trim() : '' }
}

function throwBadRow(path: string, line: number, { code, expected, found }: RowProblem): never {
  const fix = 'Correct the line. A training can also skip such lines (skip_bad).'
  return fail(code, { subject: `${path}, line ${line}`, expected, found, fix })
}

function throwNoExamples(path: string, skipped: ExampleFile['skipped']): never {
  if (skipped.length > 0)
    throwFormat(path, {
      expected: 'rows with a text and a label',
      found: `none; line ${skipped[0].line} has ${skipped[0].reason}`,
      fix: 'Write the reviews as JSON lines or CSV.',
    })
  return fail('data_empty', { subject: path, problem: 'has no reviews', fix: 'Add reviews, one per line.' })
}
