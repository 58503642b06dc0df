import type { BatchBytes } from './batch-bytes.ts'

/**
 * The maximum number of tokens in a batch, padding included. Larger batches outgrow the processor's cache and are
 * slower, not faster (docs/benchmarks.md).
 */
export const MAX_BATCH_TOKENS = 1024

/**
 * The maximum while several clients wait. A client that arrives waits for the batch that is running, so shorter ones
 * keep it from waiting long. They are a few per cent slower.
 */
export const MAX_SHARED_BATCH_TOKENS = 384

/**
 * The maximum number of bytes that a batch of several rows takes. Every thread runs one, and every shared program keeps
 * as much. {@link MAX_BATCH_TOKENS} of one adapter take 10 to 56 MB on T5-small, so this mainly limits batches in which
 * each row brings parameters of its own.
 */
export const MAX_BATCH_BYTES = 64 * 2 ** 20

/** A row is padded to at most this many times its own length, plus {@link EXTRA_PADDING_TOKENS}. */
const MAX_PADDING_FACTOR = 1.25
const EXTRA_PADDING_TOKENS = 8

/** Returns the length of the longest row that may share a batch with a row of this length. */
export const maxLengthBeside = (length: number): number => MAX_PADDING_FACTOR * length + EXTRA_PADDING_TOKENS

interface Tokenized {
  readonly ids: { readonly length: number }
  readonly adapter: { readonly words: { readonly length: number } }
}

/**
 * Returns the next batch: the first row, with the rows nearest to it in length. It runs on the event loop while
 * thousands of rows wait, so it sorts nothing.
 * @param waiting the row that must be in the batch, then the others in the order of arrival
 * @param maxTokens the maximum number of tokens, padding included
 * @param isDue returns false for rows that get a place only if others leave it. Defaults to none
 */
export function nextBatch<T extends Tokenized>(
  waiting: readonly T[],
  bytesOf: BatchBytes,
  maxTokens: number,
  isDue: (row: T) => boolean = () => true,
): T[] {
  if (waiting.length === 0) return []
  const [first] = waiting
  const { length } = first.ids
  /** Rows that are due, then the others. */
  const byDistance: [T[][], T[][]] = [[], []]
  for (const row of waiting) {
    const [low, high] = row.ids.length < length ? [row.ids.length, length] : [length, row.ids.length]
    if (high > maxLengthBeside(low)) continue
    const group = byDistance[row === first || isDue(row) ? 0 : 1]
    group[high - low] ??= []
    group[high - low].push(row)
  }
  const batch: T[] = []
  let shortest = length
  let shape = { length, labels: 0, isMixed: false }
  for (const group of byDistance)
    for (const row of group.flat()) {
      const low = Math.min(shortest, row.ids.length)
      const next = {
        length: Math.max(shape.length, row.ids.length),
        labels: Math.max(shape.labels, row.adapter.words.length),
        isMixed: shape.isMixed || row.adapter !== first.adapter,
      }
      const rows = batch.length + 1
      const isTooLarge = rows * next.length > maxTokens || bytesOf(rows, next) > MAX_BATCH_BYTES
      if (rows > 1 && (isTooLarge || next.length > maxLengthBeside(low))) break
      batch.push(row)
      ;[shortest, shape] = [low, next]
    }
  return batch
}
