import { makeRandom } from '../../core/random.ts'

/** The largest size of a batch, which is one optimizer step: a number of padded tokens, or of rows. */
export type BatchSize = { tokens: number } | { rows: number }

export interface BatchOptions {
  batch: BatchSize
  /** The largest number of padded tokens of a micro-batch, which is one run of the program. */
  microTokens: number
  /** The number of micro-batches of a batch is a multiple of this, unless it has fewer rows. Defaults to 1. */
  microMultiple?: number
  seed: number
  epoch: number
}

/** A list of steps. Each is a list of micro-batches, and each of those a list of row numbers. */
export type Epoch = readonly (readonly (readonly number[])[])[]

/**
 * The number of batches whose rows are sorted by length together. It keeps padding low, yet every epoch mixes the rows
 * differently.
 */
const BATCHES_PER_CHUNK = 50

/**
 * Divides the rows into batches and micro-batches; each row occurs once. Rows of similar length share a batch, and
 * within it a micro-batch. None has more padded tokens (rows · the longest row) than its limit, except that a row over
 * the limit gets its own batch. The order depends only on the lengths, the seed and the epoch.
 * @param lengths tokens of each row
 */
export function batchEpoch(
  lengths: Int32Array,
  { batch: size, microTokens, microMultiple = 1, seed, epoch }: BatchOptions,
): Epoch {
  const { shuffle } = makeRandom(seed, `batches of epoch ${epoch}`)
  const rows = shuffle(Array.from(lengths, (_, row) => row))
  const batches: number[][] = []
  let remainder: number[] = []
  for (const chunk of splitIntoChunks(rows, lengths, size)) {
    batches.push(
      ...groupBySize(
        [...remainder, ...chunk].sort((a, b) => lengths[a] - lengths[b]),
        lengths,
        size,
      ),
    )
    // The last batch of a chunk is usually not full, and has the longest rows. Its rows move to the next chunk.
    remainder = batches.pop() ?? []
  }
  if (remainder.length > 0) batches.push(remainder)
  return shuffle(batches).map((batch) => splitEvenly(batch, lengths, microTokens, microMultiple))
}

function splitIntoChunks(rows: readonly number[], lengths: Int32Array, size: BatchSize): number[][] {
  const all: number[][] = []
  let room = 0
  for (const row of rows) {
    if (room <= 0) {
      all.push([])
      room = BATCHES_PER_CHUNK * ('rows' in size ? size.rows : size.tokens)
    }
    all[all.length - 1].push(row)
    room -= 'rows' in size ? 1 : lengths[row]
  }
  return all
}

/** Divides rows, in ascending order of length, into groups of at most this size. Each group is as full as possible. */
function groupBySize(rows: readonly number[], lengths: Int32Array, size: BatchSize): number[][] {
  const fits = (count: number, longest: number) =>
    'rows' in size ? count <= size.rows : count * longest <= size.tokens
  const groups: number[][] = []
  for (const row of rows) {
    const last = groups.at(-1)
    if (last && fits(last.length + 1, lengths[row])) last.push(row)
    else groups.push([row])
  }
  return groups
}

/**
 * Divides rows like {@link groupBySize}, but rounds the number of groups up to a multiple and makes the largest group
 * as small as possible, so that threads that share the groups finish at the same time.
 */
function splitEvenly(rows: readonly number[], lengths: Int32Array, tokens: number, multiple: number): number[][] {
  const fewest = Math.ceil(groupBySize(rows, lengths, { tokens }).length / multiple) * multiple
  let low = 1
  let high = tokens
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (groupBySize(rows, lengths, { tokens: middle }).length > fewest) low = middle + 1
    else high = middle
  }
  return groupBySize(rows, lengths, { tokens: high })
}
