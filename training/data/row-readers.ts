import { exampleOfConversation } from './messages.ts'
import { MAX_LINE_BYTES, throwFormat } from './read-lines.ts'

/** A row as it is in the file, or the reason that it cannot be read. */
export interface Row {
  line: number
  fields?: Readonly<Record<string, unknown>>
  problem?: string
  /** The start of the next row is unknown, so the row cannot be skipped. */
  fatal?: boolean
}

/** Turns lines into rows. */
export interface RowReader {
  /** The first line is a header. */
  hasHeader: boolean
  /** Takes a line, and returns the row that ends with it, if one does. */
  readLine(line: number, text: string, validUtf8: boolean): Row | undefined
  /** Returns a row that the file left incomplete. */
  finish?(): Row | undefined
}

/**
 * Returns the reader for a file, by its first line.
 * @throws GraftError `data_format`
 */
export function detectFormat(
  firstLine: string,
  path: string,
  { skipBad, unlabelled }: { skipBad?: boolean; unlabelled?: boolean },
): RowReader {
  if (firstLine.trimStart().startsWith('{')) return jsonLines
  for (const delimiter of [',', '\t', ';']) {
    const columns = parseCsvRow(firstLine, delimiter)?.map((name) => name.trim().toLowerCase())
    if (columns?.includes('text') && (unlabelled || columns.includes('label'))) return makeCsvReader(columns, delimiter)
  }
  if (skipBad && /\.(jsonl|ndjson)(\.gz)?$/.test(path)) return jsonLines
  const isArray = firstLine.trimStart().startsWith('[')
  return throwFormat(path, {
    expected: 'JSON lines, {"text": …, "label": …}, or CSV with a header that names the columns text and label',
    found: isArray ? 'a JSON array' : `a first line that is neither: ${excerpt(firstLine)}`,
    fix: isArray
      ? "Put one object on each line: jq -c '.[]' FILE > FILE.jsonl"
      : 'Convert the reviews to one of these formats.',
  })
}

const NOT_UTF8 = 'bytes that are not UTF-8 (iconv -f latin1 -t utf-8 converts from Latin-1)'

/** Reads JSON lines. It has no state, so all files share it. */
export const jsonLines: RowReader = {
  hasHeader: false,
  readLine(line, text, validUtf8) {
    if (!validUtf8) return { line, problem: NOT_UTF8 }
    if (text.trim() === '') return undefined
    try {
      const fields: unknown = JSON.parse(text)
      if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) return toRow(line, { ...fields })
    } catch {}
    return { line, problem: `text that is not a JSON object: ${excerpt(text)}` }
  },
}

function toRow(line: number, { messages, ...fields }: Record<string, unknown>): Row {
  if (messages === undefined) return { line, fields }
  const example = exampleOfConversation(messages)
  return 'problem' in example ? { line, problem: example.problem } : { line, fields: { ...fields, ...example } }
}

/** Makes a reader of CSV. A row may span several lines, if a quoted field does. */
function makeCsvReader(columns: readonly string[], delimiter: string): RowReader {
  let open: { line: number; lines: string[]; length: number; quotes: number; validUtf8: boolean } | undefined
  return {
    hasHeader: true,
    readLine(line, text, validUtf8) {
      if (!open && text.trim() === '') return undefined
      open ??= { line, lines: [], length: 0, quotes: 0, validUtf8: true }
      open.lines.push(text)
      open.length += text.length
      open.quotes += text.split('"').length - 1
      open.validUtf8 &&= validUtf8
      if (open.length > MAX_LINE_BYTES) return toUnclosedQuote(open)
      // If the number of quotes is odd, a quoted field continues on the next line.
      if (open.quotes % 2 === 1) return undefined
      const row = open
      open = undefined
      if (!row.validUtf8) return { line: row.line, problem: NOT_UTF8 }
      const fatal = row.lines.length > 1
      const fields = parseCsvRow(row.lines.join('\n'), delimiter)
      if (!fields) return { line: row.line, problem: `misplaced quotes: ${excerpt(row.lines[0])}`, fatal }
      if (fields.length !== columns.length) {
        const problem = `${fields.length} columns, although the header has ${columns.length}`
        return { line: row.line, problem, fatal }
      }
      return { line: row.line, fields: Object.fromEntries(columns.map((name, i) => [name, fields[i]])) }
    },
    finish: () => open && toUnclosedQuote(open),
  }
}

const toUnclosedQuote = ({ line }: { line: number }): Row => ({
  line,
  problem: 'a quote that is never closed',
  fatal: true,
})

/** Returns the fields of one row, or undefined if its quotes are misplaced. */
function parseCsvRow(row: string, delimiter: string): string[] | undefined {
  const fields: string[] = []
  for (let at = 0; ; at++) {
    if (row[at] === '"') {
      let value = ''
      for (let from = at + 1; ; from = at + 1) {
        at = row.indexOf('"', from)
        if (at < 0) return undefined
        value += row.slice(from, at)
        if (row[++at] !== '"') break
        value += '"'
      }
      if (at < row.length && row[at] !== delimiter) return undefined
      fields.push(value)
    } else {
      const end = row.indexOf(delimiter, at)
      const value = row.slice(at, end < 0 ? row.length : end)
      if (value.includes('"')) return undefined
      fields.push(value)
      at += value.length
    }
    if (at >= row.length) return fields
  }
}

const MAX_EXCERPT_CHARACTERS = 80

/** Returns a value as JSON, shortened for an error. */
export function excerpt(value: unknown): string {
  const json = JSON.stringify(value)
  return json.length > MAX_EXCERPT_CHARACTERS ? `${json.slice(0, MAX_EXCERPT_CHARACTERS)}…` : json
}
