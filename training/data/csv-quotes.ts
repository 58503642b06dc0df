import { parse } from 'csv-parse/sync'

/** Ends each row that is passed to the parser. Rows with this character are not. */
const ROW_END = '\0'

/**
 * Splits rows of CSV into their fields. White space around a field is dropped, unless it is within quotes or may be a
 * delimiter.
 * @param rows complete rows without misplaced quotes, by {@link scanQuotes}
 */
export function splitCsv(rows: readonly string[], delimiter: string): string[][] {
  if (rows.length === 0) return []
  const records: string[][] = parse(rows.join(ROW_END), {
    delimiter,
    record_delimiter: ROW_END,
    relax_column_count: true,
    relax_quotes: true,
    trim: trimsBlanks(delimiter),
  })
  if (records.length !== rows.length) throw new Error(`${records.length} records were read from ${rows.length} rows`)
  return records
}

/** The state of the quotes at the end of a line of CSV. */
export interface QuoteState {
  /** A quoted field is open, so the row continues on the next line. */
  isOpen: boolean
  /** A quoted field was closed before its end. */
  isMisplaced: boolean
}

/**
 * Follows the quotes through a line of CSV. Only a quote at the start of a field opens one. A quote within a field,
 * such as the sign for inches, is an ordinary character.
 * @param state at the end of the line before, if it is in the same row
 */
export function scanQuotes(line: string, delimiter: string, state?: QuoteState): QuoteState {
  let { isOpen, isMisplaced } = state ?? { isOpen: false, isMisplaced: false }
  for (let at = 0; ; at++) {
    if (!isOpen) {
      at = skip(BLANKS, line, at, delimiter)
      if (line[at] === '"') {
        isOpen = true
        at++
      }
    }
    if (isOpen) {
      const end = findClosingQuote(line, at)
      if (end < 0) return { isOpen, isMisplaced }
      isOpen = false
      at = skip(ASCII_BLANKS, line, end + 1, delimiter)
      isMisplaced ||= at < line.length && line[at] !== delimiter
    }
    at = line.indexOf(delimiter, at)
    if (at < 0) return { isOpen, isMisplaced }
  }
}

function findClosingQuote(line: string, from: number): number {
  let at = line.indexOf('"', from)
  while (at >= 0 && line[at + 1] === '"') at = line.indexOf('"', at + 2)
  return at
}

/** Returns whether spaces around a field may be dropped. A tab is a space and may be a delimiter. */
export const trimsBlanks = (delimiter: string): boolean => delimiter !== '\t'

const BLANKS = /\s*/y
/** The parser allows only these after a quoted field. */
const ASCII_BLANKS = /[\t\n\v\f\r ]*/y

function skip(blanks: RegExp, line: string, at: number, delimiter: string): number {
  if (!trimsBlanks(delimiter)) return at
  blanks.lastIndex = at
  blanks.test(line)
  return blanks.lastIndex
}
