import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { gzipSync } from 'node:zlib'
import { fail } from '../../core/errors.ts'
import { scanQuotes } from '../../training/data/csv-quotes.ts'
import type { CellsSource, Row } from '../../training/data/row.ts'
import type { TableLayout } from '../../training/data/table-layout.ts'
import type { ClassifyResult } from '../schemas/classify.ts'
import { columnsOf, type RowFile } from './read-rows.ts'

const COLUMNS = ['label', 'score', 'scores', 'error'] as const
type Names = Readonly<Record<(typeof COLUMNS)[number], string>>

/** The prefix of the columns in a file that has labels, or one of their names. */
export const PREDICTED = 'predicted_'

/** @throws GraftError `output_exists` */
export function requireFreeFile(path: string): void {
  if (existsSync(path))
    fail('output_exists', {
      subject: path,
      problem: 'exists already',
      fix: 'Choose another name, or remove the file. Nothing is overwritten.',
    })
}

/**
 * Returns a file with the predictions of its rows: every column and the order of the rows stay, and `label`, `score`
 * and `scores` follow. If a text could not be classified, these are empty, and `error` says why.
 * @throws GraftError `data_format` if the columns exist already
 */
export function addPredictions(file: RowFile, results: readonly ClassifyResult[]): string {
  const names = namesFor(file)
  const values = results.map(valuesOf)
  const source = file.rows[0]?.row.source
  if (source && 'table' in source) return toTable(source.table, file, names, values)
  const objects = file.rows.map(({ row }, i) => appendMembers(objectOf(row), names, values[i]))
  return file.format === 'json' ? `[\n${objects.join(',\n')}\n]\n` : toLines(objects)
}

/** Writes a file completely or not at all, compressed if its name ends in .gz. */
export function writeFileWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  const partial = `${path}.partial`
  try {
    writeFileSync(partial, path.endsWith('.gz') ? gzipSync(text) : text)
    renameSync(partial, path)
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  }
}

const toLines = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')

type Values = Partial<Record<(typeof COLUMNS)[number], string | number | Readonly<Record<string, number>>>>

const valuesOf = (result: ClassifyResult): Values =>
  'error' in result
    ? { error: result.error.detail }
    : { label: result.label, score: result.score, scores: result.scores }

/** Returns the names of the columns to add. */
function namesFor({ rows }: RowFile): Names {
  const isTable = rows[0]?.row.source !== undefined && 'table' in rows[0].row.source
  // The rows of a table all have the same columns.
  const taken = new Set((isTable ? rows.slice(0, 1) : rows).flatMap(({ row }) => columnsOf(row).map(toLower)))
  const hasLabels = rows.some(({ example }) => example.label !== '')
  const prefix = hasLabels || COLUMNS.some((column) => taken.has(column)) ? PREDICTED : ''
  const names = COLUMNS.map((column) => [column, `${prefix}${column}`] as const)
  const [, again] = names.find(([, name]) => taken.has(name)) ?? []
  if (again !== undefined)
    fail('data_format', {
      subject: again,
      problem: 'is a column of the file already, with predictions of an earlier run',
      fix: 'Remove the columns of the earlier run, or classify the file that it was made from.',
    })
  return Object.fromEntries(names) as Names
}

const toLower = (name: string): string => name.toLowerCase()

function toTable(table: TableLayout, { rows }: RowFile, names: Names, values: readonly Values[]): string {
  const hasErrors = values.some(({ error }) => error !== undefined)
  const added = COLUMNS.slice(0, hasErrors ? 4 : 3).map((column) => names[column])
  const cells = columnsOf(rows[0].row)
  const header = table.columns.hasHeader ? table.first : { text: joinCells(cells, table), cells }
  return toLines([
    ...(table.hasSeparatorLine ? [`sep=${table.delimiter}`] : []),
    appendCells({ ...header, table }, added),
    ...rows.map(({ row }, i) => appendCells(row.source as CellsSource, cellsOf(values[i], hasErrors))),
  ])
}

const cellsOf = ({ label, score, scores, error }: Values, hasErrors: boolean): string[] => [
  String(label ?? ''),
  String(score ?? ''),
  scores === undefined ? '' : JSON.stringify(scores),
  ...(hasErrors ? [String(error ?? '')] : []),
]

/**
 * Adds cells to a row as it is. A row that has too few cells, or too many empty ones, at its end is written again, and
 * so is one whose quotes would mean something else beside quoted cells.
 */
function appendCells({ text, cells, table }: CellsSource, added: readonly string[]): string {
  const { all } = table.width
  const isClear = !table.quoted || !scanQuotes(text, table.delimiter).isMisplaced
  const missing = Array.from({ length: Math.max(0, all - cells.length) }, () => '')
  const start = cells.length === all && isClear ? text : joinCells([...cells.slice(0, all), ...missing], table)
  return `${start}${table.delimiter}${joinCells(added, table)}`
}

const joinCells = (cells: readonly string[], { delimiter, quoted }: TableLayout): string =>
  cells.map((cell) => (quoted ? quoteCell(cell, delimiter) : toOneCell(cell, delimiter))).join(delimiter)

const quoteCell = (cell: string, delimiter: string): string =>
  /^\s|["\r\n]|\s$/.test(cell) || cell.includes(delimiter) ? `"${cell.replaceAll('"', '""')}"` : cell

/** In a table whose quotes mean nothing, no cell may contain a delimiter or a line break. */
const toOneCell = (cell: string, delimiter: string): string => cell.replaceAll(delimiter, ' ').replace(/[\r\n]+/g, ' ')

/** Returns the object of a row on one line. Only between the values of JSON there may be line breaks. */
const objectOf = ({ source, text, label }: Row): string =>
  source ? source.text.trim().replace(/\s*[\r\n]\s*/g, ' ') : JSON.stringify({ text, label })

/** Adds members to the text of an object, so that the others keep every digit. */
function appendMembers(object: string, names: Names, values: Values): string {
  const members = Object.entries(values).map(
    ([column, value]) => `${JSON.stringify(names[column as keyof Names])}: ${JSON.stringify(value)}`,
  )
  const start = object.slice(0, -1).trimEnd()
  return `${start}${start === '{' ? '' : ', '}${members.join(', ')}}`
}
