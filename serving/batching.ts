/** Tokens, padding included, of one batch. Larger ones outgrow the processor's cache and are slower, not faster (docs/benchmarks.md). */
export const BATCH_TOKENS = 1024

/** A text is padded to at most this many times its own length and a few tokens. */
const STRETCH = 1.25
const FEW = 8

/** The longest row that a row of this length may share a batch with. */
export const longestBeside = (length: number): number => STRETCH * length + FEW

/**
 * Takes the next batch out of the waiting rows: the one that waits longest, with those nearest to it in length.
 * @param waiting in the order of arrival; the rows taken are removed
 */
export function takeBatch<T extends { length: number }>(waiting: T[]): T[] {
  if (waiting.length === 0) return []
  const [oldest] = waiting
  const byDistance = waiting
    .map((row, i) => ({ row, i, distance: Math.abs(row.length - oldest.length) }))
    .sort((a, b) => a.distance - b.distance || a.i - b.i)
  const taken = new Set<T>()
  let [shortest, longest] = [oldest.length, oldest.length]
  for (const { row } of byDistance) {
    const [low, high] = [Math.min(shortest, row.length), Math.max(longest, row.length)]
    if (taken.size > 0 && ((taken.size + 1) * high > BATCH_TOKENS || high > longestBeside(low))) break
    taken.add(row)
    ;[shortest, longest] = [low, high]
  }
  const rest = waiting.filter((row) => !taken.has(row))
  waiting.splice(0, waiting.length, ...rest)
  return [...taken]
}
