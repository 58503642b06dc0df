/** The result, on stdout: as one JSON document, or as lines for a person. */
export function print(json: unknown, value: object, lines: readonly string[]): void {
  process.stdout.write(json === true ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`)
}

export const percentText = (share: number): string => `${(100 * share).toFixed(2)} %`

/** Rows of equal length as columns; numbers to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const isNumber = (cell: string) => /^[\d.,%+-]/.test(cell)
  return rows.map((row) =>
    row
      .map((cell, i) => (isNumber(cell) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  )
}
