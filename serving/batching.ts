/** Tokens, padding included, of one batch. Larger ones outgrow the processor's cache and are slower, not faster (docs/benchmarks.md). */
export const BATCH_TOKENS = 1024

/** A text is padded to at most this many times its own length and a few tokens. */
const STRETCH = 1.25
const FEW = 8

/** The longest row that a row of this length may share a batch with. */
export const longestBeside = (length: number): number => STRETCH * length + FEW

/**
 * The next batch of the waiting rows: the one that waits longest, with those nearest to it in length. It is asked for by the event loop while
 * thousands wait, so it sorts nothing.
 * @param waiting in the order of arrival
 */
export function nextBatch<T extends { length: number }>(waiting: readonly T[]): T[] {
  if (waiting.length === 0) return []
  const [{ length }] = waiting
  const byDistance: T[][] = []
  for (const row of waiting) {
    const [low, high] = row.length < length ? [row.length, length] : [length, row.length]
    if (high > longestBeside(low)) continue
    byDistance[high - low] ??= []
    byDistance[high - low].push(row)
  }
  const taken: T[] = []
  let [shortest, longest] = [length, length]
  for (const row of byDistance.flat()) {
    const [low, high] = [Math.min(shortest, row.length), Math.max(longest, row.length)]
    if (taken.length > 0 && ((taken.length + 1) * high > BATCH_TOKENS || high > longestBeside(low))) break
    taken.push(row)
    ;[shortest, longest] = [low, high]
  }
  return taken
}
