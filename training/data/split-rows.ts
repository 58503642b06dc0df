import { type QuoteState, scanQuotes, splitCsv, trimsBlanks } from './csv-quotes.ts'
import type { LineDecoder } from './text-encoding.ts'

/** A row as its fields, or the reason that it has none. */
export interface SplitRow {
  /** The number of its first line. */
  line: number
  /** The row as it is in the file, but with LF within its fields. */
  text: string
  fields?: readonly string[]
  problem?: string
  /** The row has several lines, so the start of the next one is unknown if this one is wrong. */
  isLong: boolean
}

export interface Splitting {
  delimiter: string
  /** True if fields may be quoted. If not, quotes are characters like any other. */
  quoted: boolean
  decoder: LineDecoder
  /** The largest size of a row, line breaks included. */
  maxCharacters: number
  /** Returns whether a row may have this number of fields. */
  isWidth(fields: number): boolean
}

/** Splits the lines of a table into rows, which it passes on. */
export interface RowSplitter {
  readLine(line: number, bytes: Buffer): void
  /** Passes on the rows that wait for the parser, and the one that the file left incomplete. */
  finish(): void
}

/** The parser is several times faster if it gets many rows at once. */
const MAX_WAITING_ROWS = 256
const MAX_WAITING_CHARACTERS = 2 ** 16

/** Makes a splitter of CSV, or of a table whose quotes mean nothing. Blank lines between rows are ignored. */
export function makeRowSplitter(splitting: Splitting, onRow: (row: SplitRow) => void): RowSplitter {
  const { delimiter, quoted, decoder, maxCharacters, isWidth } = splitting
  let open: { line: number; lines: string[]; length: number; quotes?: QuoteState; problem?: string } | undefined
  /** Rows that are complete. Those without fields or a problem wait for the parser. */
  let waiting: SplitRow[] = []
  let waitingCharacters = 0

  const flush = () => {
    const rows = waiting
    waiting = []
    waitingCharacters = 0
    const unparsed = rows.filter(({ fields, problem }) => !fields && problem === undefined)
    const parsed = splitCsv(
      unparsed.map(({ text }) => text),
      delimiter,
    )
    for (const [i, row] of unparsed.entries()) row.fields = parsed[i]
    for (const row of rows) onRow(row)
  }
  const add = (row: SplitRow) => {
    waiting.push(row)
    waitingCharacters += row.text.length
    if (waiting.length >= MAX_WAITING_ROWS || waitingCharacters >= MAX_WAITING_CHARACTERS) flush()
  }
  const splitLiterally = (text: string) => {
    const fields = text.split(delimiter)
    return trimsBlanks(delimiter) ? fields.map((field) => field.trim()) : fields
  }
  return {
    readLine(line, bytes) {
      const { text, problem } = decoder.decode(line, bytes)
      if (!open && text.trim() === '') return
      // No line break precedes the first line.
      open ??= { line, lines: [], length: -1 }
      open.lines.push(text)
      open.length += text.length + 1
      open.problem ??= problem
      if (open.length > maxCharacters) open.problem = `a quote that is not closed within ${maxCharacters} characters`
      else if (quoted) {
        open.quotes = scanQuotes(text, delimiter, open.quotes)
        if (open.quotes.isOpen) return
      }
      const row = { line: open.line, text: open.lines.join('\n'), isLong: open.lines.length > 1 }
      const isMisplaced = open.quotes?.isMisplaced
      const found = open.problem
      open = undefined
      if (found !== undefined) return add({ ...row, problem: found })
      // Without quotes there is nothing that only a parser could tell.
      if (!quoted || !row.text.includes('"')) return add({ ...row, fields: splitLiterally(row.text) })
      if (!isMisplaced) return add(row)
      // Many programs write quotes as they are. A line that has the right columns without quoting is clear.
      const fields = splitLiterally(row.text)
      add(!row.isLong && isWidth(fields.length) ? { ...row, fields } : { ...row, problem: 'misplaced quotes' })
    },
    finish() {
      flush()
      if (!open) return
      const text = open.lines.join('\n')
      onRow({ line: open.line, text, problem: 'a quote that is never closed', isLong: true })
    },
  }
}
