import type { RowResult } from '../sweep/report.ts'

/** Returns the number of the series that a row belongs to: rows that share their trainings have the same one. */
export function seriesOf(rows: readonly RowResult[], i: number): number {
  const { name, shares_trainings_of = name } = rows[i]
  const distinct = rows.filter((row) => row.shares_trainings_of === undefined)
  return distinct.findIndex((row) => row.name === shares_trainings_of)
}

/** Returns the name of a row with its number in the table. */
export const numberedName = (rows: readonly RowResult[], i: number): string => `${i + 1}  ${rows[i].name}`
