import type { Row, RowReader } from './row.ts'
import { makeRowSplitter, type SplitRow, type Splitting } from './split-rows.ts'
import type { TableLayout } from './table-layout.ts'

/** Makes a reader of a table. A row may span several lines, if a quoted field does. */
export function makeTableReader(
  layout: TableLayout,
  options: Pick<Splitting, 'decoder' | 'maxCharacters'>,
  onRow: (row: Row) => void,
): RowReader {
  const { width } = layout
  let skipsHeader = layout.columns.hasHeader
  let skipsLine = layout.hasSeparatorLine
  const isWidth = (fields: number) => fields >= width.named && fields <= width.all
  const splitter = makeRowSplitter({ ...layout, ...options, isWidth }, (split) => {
    if (!skipsHeader) passOn(toRow(split, layout))
    skipsHeader = false
  })
  const passOn = (row: Row | undefined) => row && onRow(row)
  return {
    readLine(line, bytes) {
      if (skipsLine) skipsLine = bytes.length === 0
      else splitter.readLine(line, bytes)
    },
    finish: splitter.finish,
  }
}

/** Returns undefined for a row whose fields are all empty, as spreadsheets write them below a table. */
function toRow({ line, text, fields, problem, isLong }: SplitRow, table: TableLayout): Row | undefined {
  const { columns, width } = table
  if (!fields) return { line, problem, fatal: isLong }
  const used = fields.findLastIndex((field) => field.trim() !== '') + 1
  if (used === 0) return undefined
  // Spreadsheets leave out empty cells at the end of a row.
  const needed = Math.max(columns.text, columns.label ?? 0) + 1
  if (used > width.all || fields.length < needed) {
    const count = Math.max(used, Math.min(fields.length, width.all))
    const first = columns.hasHeader ? 'header' : 'first row'
    return { line, problem: `${count} columns, although the ${first} has ${width.all}`, fatal: isLong }
  }
  return {
    line,
    text: fields[columns.text],
    ...(columns.label !== undefined && { label: fields[columns.label] }),
    ...(columns.id !== undefined && { id: fields[columns.id] }),
    source: { text, cells: fields, table },
  }
}
