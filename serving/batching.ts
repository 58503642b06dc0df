/**
 * The maximum number of tokens in a batch, padding included. Larger batches outgrow the processor's cache and are
 * slower, not faster (docs/benchmarks.md).
 */
export const MAX_BATCH_TOKENS = 1024

/** A row is padded to at most this many times its own length, plus {@link EXTRA_PADDING_TOKENS}. */
const MAX_PADDING_FACTOR = 1.25
const EXTRA_PADDING_TOKENS = 8

/** Returns the length of the longest row that may share a batch with a row of this length. */
export const maxLengthBeside = (length: number): number => MAX_PADDING_FACTOR * length + EXTRA_PADDING_TOKENS

interface Tokenized {
  readonly ids: { readonly length: number }
}

/**
 * Returns the next batch: the oldest row, with the rows nearest to it in length. It runs on the event loop while
 * thousands of rows wait, so it sorts nothing.
 * @param waiting in the order of arrival
 */
export function nextBatch<T extends Tokenized>(waiting: readonly T[]): T[] {
  if (waiting.length === 0) return []
  const { length } = waiting[0].ids
  const byDistance: T[][] = []
  for (const row of waiting) {
    const [low, high] = row.ids.length < length ? [row.ids.length, length] : [length, row.ids.length]
    if (high > maxLengthBeside(low)) continue
    byDistance[high - low] ??= []
    byDistance[high - low].push(row)
  }
  const batch: T[] = []
  let [shortest, longest] = [length, length]
  for (const row of byDistance.flat()) {
    const [low, high] = [Math.min(shortest, row.ids.length), Math.max(longest, row.ids.length)]
    if (batch.length > 0 && ((batch.length + 1) * high > MAX_BATCH_TOKENS || high > maxLengthBeside(low))) break
    batch.push(row)
    ;[shortest, longest] = [low, high]
  }
  return batch
}
