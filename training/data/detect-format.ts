import { isUtf8 } from 'node:buffer'
import type { ColumnRequest, Columns } from './columns.ts'
import { detectJson, isJson } from './detect-json.ts'
import { detectTable } from './detect-table.ts'
import { isFastText, makeFastTextReader } from './fasttext-reader.ts'
import { makeJsonLinesReader, readJsonDocument } from './json-readers.ts'
import { EXPECTED_TEXT } from './known-files.ts'
import { throwFormat } from './read-contents.ts'
import { detectLineBreak, type LineBreak, readLines } from './read-lines.ts'
import type { DataFormat } from './reading.ts'
import type { Row, RowReader } from './row.ts'
import { makeTableReader } from './table-reader.ts'
import type { LineDecoder } from './text-encoding.ts'

/** How a file is written. */
export interface Format {
  name: DataFormat
  /** Not set for formats whose columns have no names. */
  columns?: Columns
  read(chunks: AsyncIterable<Buffer>, onRow: (row: Row) => void): Promise<void>
}

interface Source {
  path: string
  decoder: LineDecoder
  rowBytes: number
}

/**
 * Returns the format of a file, by its beginning. The content determines it, not the file name.
 * @param head the first bytes, with at least one line unless it is too long
 * @param isWhole whether the file has no more bytes
 * @throws GraftError `data_format` if no format fits, or the columns are not known
 */
export function detectFormat(
  head: Buffer,
  isWhole: boolean,
  source: Source,
  request: ColumnRequest & { skip_bad?: boolean },
): Format {
  const { path, decoder, rowBytes } = source
  requireText(head, path)
  const text = decodeHead(head)
  const lineBreak = detectLineBreak(text)
  const lines = completeLines(text, lineBreak, isWhole)
  const readByLines = (makeReader: (onRow: (row: Row) => void) => RowReader): Format['read'] =>
    async function read(chunks, onRow) {
      const reader = makeReader(onRow)
      await readLines(chunks, path, { lineBreak, maxBytes: rowBytes }, reader.readLine)
      reader.finish()
    }
  const asJsonLines = (columns: Columns) => readByLines((onRow) => makeJsonLinesReader(columns, decoder, onRow))

  if (isJson(text) || isMostlyJson(lines)) {
    const { elements, columns, isConversation } = detectJson(text, lines, path, request)
    const named = isConversation ? {} : { columns }
    if (!elements) return { name: 'jsonl', ...named, read: asJsonLines(columns) }
    const document = { path, elements, columns, decoder, maxBytes: rowBytes }
    return { name: 'json', ...named, read: (chunks, onRow) => readJsonDocument(chunks, document, onRow) }
  }
  if (lines.length === 0) return { name: 'jsonl', read: asJsonLines({ text: 'text', label: 'label' }) }
  if (isFastText(lines[0]))
    return { name: 'fasttext', read: readByLines((onRow) => makeFastTextReader(decoder, onRow)) }
  const table = detectTable(lines, path, request)
  if (table)
    return {
      name: table.delimiter === '\t' ? 'tsv' : 'csv',
      columns: table.columns.names,
      read: readByLines((onRow) => makeTableReader(table, { decoder, maxCharacters: rowBytes }, onRow)),
    }
  return throwFormat(path, {
    expected: 'JSON lines, a JSON array, CSV, tab-separated values or the format of fastText',
    found: 'text that is none of these',
    fix: 'Write the reviews as JSON lines, {"text": …, "label": …}, or as CSV with the columns text and label.',
  })
}

const windows1252 = new TextDecoder('windows-1252')

/** Decodes the beginning of a file, whose last character may be cut off. */
function decodeHead(head: Buffer): string {
  const lastLine = head.lastIndexOf('\n')
  const sure = lastLine < 0 ? head.subarray(0, Math.max(0, head.length - 3)) : head.subarray(0, lastLine)
  return isUtf8(sure) || isUtf8(head) ? head.toString() : windows1252.decode(head)
}

function completeLines(text: string, lineBreak: LineBreak, isWhole: boolean): string[] {
  const lines = text.split(lineBreak).map(withoutReturns)
  if (!isWhole && lines.length > 1) lines.pop()
  return lines.filter((line) => line.trim() !== '')
}

// A regular expression would take quadratic time for a line of many returns.
function withoutReturns(line: string): string {
  let end = line.length
  while (line[end - 1] === '\r') end--
  return line.slice(0, end)
}

/** The first line of JSON lines may be damaged. */
const isMostlyJson = (lines: readonly string[]): boolean =>
  lines.length > 1 && lines.filter((line) => /^\s*\{/.test(line)).length > lines.length / 2

/** @throws GraftError `data_format` if the first line is not text */
function requireText(head: Buffer, path: string): void {
  const lineEnd = head.indexOf('\n')
  if (!head.subarray(0, lineEnd < 0 ? head.length : lineEnd).includes(0)) return
  throwFormat(`${path}, line 1`, {
    expected: EXPECTED_TEXT,
    found: 'binary data: a NUL byte',
    fix: 'Use JSON lines or CSV in UTF-8, plain or compressed with gzip.',
  })
}
