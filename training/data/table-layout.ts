import type { TableColumns } from './columns.ts'

/** How the rows of a table are written. */
export interface TableLayout {
  delimiter: string
  /** True if fields may be quoted. If not, quotes are characters like any other. */
  quoted: boolean
  /** The first line sets the delimiter, as Excel writes it: `sep=;`. */
  hasSeparatorLine: boolean
  columns: TableColumns
  /** The first row, which is the header if there is one. */
  first: { text: string; cells: readonly string[] }
  /** The number of columns of the first row, with and without those at its end that have no name. */
  width: { all: number; named: number }
}
