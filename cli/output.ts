/** Prints a result to stdout: as one JSON document, or as lines of text. */
export function printResult(json: unknown, value: object, lines: readonly string[]): void {
  process.stdout.write(json === true ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`)
}

/** Formats an RFC 3339 time to the minute. */
export const formatTime = (time: string): string => time.slice(0, 16).replace('T', ' ')

export const formatPercent = (share: number): string => `${(100 * share).toFixed(2)} %`

/** Aligns rows of equal length in columns. Numbers are aligned to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const isNumber = (cell: string) => /^[\d.,%+-]/.test(cell)
  return rows.map((row) =>
    row
      .map((cell, i) => (isNumber(cell) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  )
}
