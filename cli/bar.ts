/** How far some work is. */
export interface Bar {
  done: number
  total: number
  /** Texts behind the bar, the most important first. Those that do not fit are left out. */
  details?: readonly string[]
}

const BAR_WIDTH = 24
const MIN_BAR_WIDTH = 8

/**
 * Formats a bar as one line.
 * @param columns the longest line. Defaults to no limit.
 */
export function formatBar({ done, total, details = [] }: Bar, columns = Number.POSITIVE_INFINITY): string {
  const count = `${done}/${total}`
  const widthBeside = (texts: readonly string[]) =>
    columns - ['[] ', count, ...texts.map((text) => `  ${text}`)].join('').length
  let shown = details
  while (shown.length > 0 && widthBeside(shown) < MIN_BAR_WIDTH) shown = shown.slice(0, -1)
  const width = Math.min(BAR_WIDTH, widthBeside(shown))
  if (width < 1) return count.slice(0, columns)
  const filled = Math.round((width * Math.min(done, total)) / Math.max(total, 1))
  return [`[${'='.repeat(filled)}${' '.repeat(width - filled)}] ${count}`, ...shown].join('  ')
}
