type Cell = string | number

/**
 * Starts a Markdown table on the standard output, and returns a function that adds a row. `npm run bench` puts the
 * table of a command into docs/benchmarks.md.
 *
 * @example
 * const row = startTable('texts', 'ms')
 * row(8, '12.1')
 */
export function startTable(...columns: readonly Cell[]): (...cells: readonly Cell[]) => void {
  const print = (cells: readonly Cell[]) => console.log(`| ${cells.join(' | ')} |`)
  print(columns)
  console.log(`|${'---|'.repeat(columns.length)}`)
  return (...cells) => print(cells)
}

/** Returns whether a line belongs to a table. */
export const isTableLine = (line: string): boolean => line.startsWith('|')
