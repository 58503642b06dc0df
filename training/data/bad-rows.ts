import type { RowProblem } from './check-row.ts'
import type { Row } from './row.ts'
import { makeSkippedCounter, requireFewSkipped, type SkippedRows } from './skipped-rows.ts'
import { throwBadRow, throwNoExamples } from './throw-rows.ts'

/** Decides what becomes of rows that cannot be read. */
export interface BadRows {
  /** @throws GraftError `data_line`, `data_format` */
  add(row: Pick<Row, 'line' | 'fatal'>, problem: RowProblem): void
  /**
   * Must be called before a row that can be read.
   * @throws GraftError `data_line` for an earlier row
   */
  requireNoneBefore(): void
  /**
   * Returns the rows that were skipped.
   * @param read the number of rows that were read
   * @throws GraftError `data_line`, `data_format`, `data_skipped`
   */
  finish(read: number): SkippedRows
}

/** If so many rows cannot be read and none can, the file is the problem. */
const MAX_LEADING_ROWS = 1000

/**
 * Makes a place for rows that cannot be read. Unless they are skipped, the first one is an error. It is the error of
 * its line, but if no row can be read at all, it is one of the file.
 */
export function makeBadRows(path: string, { skip, maxShare }: { skip: boolean; maxShare?: number }): BadRows {
  const counter = makeSkippedCounter()
  let first: { line: number; problem: RowProblem } | undefined
  let rows = 0
  let isRead = false
  return {
    add({ line, fatal }, problem) {
      if (fatal || (isRead && !skip)) throwBadRow(path, first?.line ?? line, first?.problem ?? problem)
      counter.add(line, problem.found)
      rows++
      if (skip) return
      first ??= { line, problem }
      if (rows >= MAX_LEADING_ROWS) throwNoExamples(path, counter.list())
    },
    requireNoneBefore() {
      if (first) throwBadRow(path, first.line, first.problem)
      isRead = true
    },
    finish(read) {
      if (first && rows === 1) throwBadRow(path, first.line, first.problem)
      const skipped = counter.list()
      if (read > 0) requireFewSkipped(path, skipped, read, maxShare)
      return skipped
    },
  }
}
