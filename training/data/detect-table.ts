import { type ColumnRequest, findTableColumns, type TableColumns } from './columns.ts'
import { throwFormat } from './read-contents.ts'
import { makeRowSplitter, type SplitRow } from './split-rows.ts'
import type { TableLayout } from './table-layout.ts'
import { makeLineDecoder } from './text-encoding.ts'
import { throwColumns } from './throw-columns.ts'

const DELIMITERS = [',', '\t', ';', '|']
const MAX_SAMPLE_ROWS = 200

const SEPARATOR_LINE = /^"?sep=(.)"?$/i

/**
 * Returns how a table is written, by its first lines.
 * @param lines the first lines of the file that are not blank; all are complete
 * @returns undefined if they are not those of a table
 * @throws GraftError `data_format` if it is a table without the requested or usual columns
 */
export function detectTable(lines: readonly string[], path: string, request: ColumnRequest): TableLayout | undefined {
  const separator = SEPARATOR_LINE.exec(lines[0])?.[1]
  const sample = separator === undefined ? lines : lines.slice(1)
  if (sample.length === 0) return undefined
  const candidates = (separator === undefined ? DELIMITERS : [separator]).map((delimiter) =>
    readSample(sample, delimiter),
  )
  const withColumns = candidates.flatMap((candidate) => {
    const columns = findTableColumns(candidate.first, request, candidate.rows)
    return columns ? [{ ...candidate, columns }] : []
  })
  // Numbers of columns fit any delimiter that is frequent enough. The right one divides all rows alike.
  const [best] = withColumns.sort((a, b) => rate(b, b.columns) - rate(a, a.columns))
  if (best) {
    requireDistinct(best.first, best.columns, path, request)
    const { delimiter, quoted, first } = best
    const named = best.columns.hasHeader ? first.findLastIndex((name) => name.trim() !== '') + 1 : first.length
    return {
      delimiter,
      quoted,
      hasSeparatorLine: separator !== undefined,
      columns: best.columns,
      first: { text: best.rows[0].text, cells: first },
      width: { all: first.length, named },
    }
  }
  const [table] = candidates.filter(isTable).sort((a, b) => b.regularity - a.regularity)
  return (
    table &&
    throwColumns(
      path,
      table.first,
      request,
      table.rows.flatMap(({ fields }) => (fields ? [fields] : [])),
    )
  )
}

/** The first rows of a file, split by a delimiter. */
interface Sample {
  delimiter: string
  quoted: boolean
  first: readonly string[]
  rows: readonly SplitRow[]
  /** The share of the rows that have as many fields as the first one. */
  regularity: number
}

const rate = ({ regularity, first }: Sample, { hasHeader }: TableColumns): number =>
  (hasHeader ? 10 : 0) + (first.length > 1 ? 1 : 0) + regularity

const isTable = ({ first, rows, regularity }: Sample): boolean =>
  first.length > 1 && regularity > (rows.length > 1 ? 0.5 : 0)

function readSample(lines: readonly string[], delimiter: string): Sample {
  const quoted = splitSample(lines, delimiter, true)
  if (delimiter !== '\t') return quoted
  // Some programs quote the fields of tab-separated files, most do not. Quoting explains quotes that are doubled, line
  // breaks and tabs; without it, a file with such quotes has more rows of other widths.
  const literal = splitSample(lines, delimiter, false)
  return isQuoted(quoted, literal) ? quoted : literal
}

function isQuoted(quoted: Sample, literal: Sample): boolean {
  if (quoted.rows.some(({ fields, problem }) => !fields || problem !== undefined)) return false
  if (quoted.regularity !== literal.regularity) return quoted.regularity > literal.regularity
  const fields = literal.rows.flatMap((row) => row.fields ?? [])
  const isEnclosed = (field: string) => /^".*"$/s.test(field)
  const hasEscapes = (field: string) => isEnclosed(field) && field.slice(1, -1).includes('""')
  return fields.length > 0 && (fields.every(isEnclosed) || fields.some(hasEscapes))
}

function splitSample(lines: readonly string[], delimiter: string, quoted: boolean): Sample {
  const rows: SplitRow[] = []
  const decoder = makeLineDecoder()
  const splitting = { delimiter, quoted, decoder, maxCharacters: Number.POSITIVE_INFINITY, isWidth: () => false }
  const splitter = makeRowSplitter(splitting, (row) => void rows.push(row))
  for (const [i, line] of lines.entries()) splitter.readLine(i + 1, Buffer.from(line))
  splitter.finish()
  // The last row may continue after the sample.
  if (rows.length > 1 && rows.at(-1)?.isLong && rows.at(-1)?.problem !== undefined) rows.pop()
  const used = rows.slice(0, MAX_SAMPLE_ROWS)
  const first = used[0]?.fields ?? []
  const same = used.filter(({ fields }) => fields && fields.length === first.length).length
  return { delimiter, quoted, first, rows: used, regularity: same / Math.max(1, used.length) }
}

function requireDistinct(
  first: readonly string[],
  { text, label, hasHeader }: TableColumns,
  path: string,
  { text_column, label_column }: ColumnRequest,
): void {
  if (text === label)
    throwFormat(path, {
      expected: 'different columns for the texts and the labels',
      found: `column ${text + 1} for both`,
      fix: 'Change text_column or label_column.',
    })
  for (const [field, index, requested] of [
    ['text_column', text, text_column],
    ['label_column', label, label_column],
  ] as const) {
    if (index === undefined || !hasHeader) continue
    const name = first[index].trim()
    const same = first.flatMap((other, i) => (other.trim() === name ? [i + 1] : []))
    if (same.length > 1 && (requested === undefined || requested === name))
      throwFormat(path, {
        expected: `one column named ${JSON.stringify(name)}`,
        found: `columns ${same.join(' and ')}`,
        fix: `Set ${field} to the number of one of them (--${field.replace('_', '-')} ${same[0]} on the command line).`,
      })
  }
}
