import type { TableLayout } from './table-layout.ts'

/** A row as it is in the file, or the reason that it cannot be read. */
export interface Row {
  /** The number of its first line. */
  line: number
  id?: unknown
  text?: unknown
  label?: unknown
  /** Not set for a row with a problem, and for the format of fastText, whose rows have only a label and a text. */
  source?: RowSource
  problem?: string
  /** The start of the next row is unknown, so the row cannot be skipped. */
  fatal?: boolean
}

/** All that a row has, also what is not read. */
export type RowSource = ObjectSource | CellsSource

/** An object of JSON. */
export interface ObjectSource {
  /** The object as it is in the file. */
  text: string
  object: object
}

/** A row of a table. */
export interface CellsSource {
  /** The row as it is in the file, but with LF within its fields. */
  text: string
  cells: readonly string[]
  table: TableLayout
}

/** Turns lines into rows, which it passes on. */
export interface RowReader {
  readLine(line: number, bytes: Buffer): void
  /** Passes on the rows that are still in memory, and the one that the file left incomplete. */
  finish(): void
}
