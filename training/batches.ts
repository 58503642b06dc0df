import { random } from '../core/random.ts'

export interface BatchOptions {
  /** Padded tokens of a batch, which is one optimizer step. */
  batchTokens: number
  /** Padded tokens of a micro-batch, which is one run of the program. */
  microTokens: number
  /** Micro-batches of a batch come in multiples of this, where there are as many rows; 1 unless given. */
  microMultiple?: number
  seed: number
  epoch: number
}

/** Steps, each of micro-batches, each of row numbers. */
export type Epoch = readonly (readonly (readonly number[])[])[]

/** Rows are sorted by length among as many as fill about this many batches: little padding, and still another mixture every epoch. */
const BATCHES_IN_CHUNK = 50

/**
 * Every row once. Rows of like length share a batch, and within it a micro-batch; none holds more padded tokens (rows · the longest) than
 * its budget, but a longer row, which stands alone. The order depends on the lengths, the seed and the epoch.
 * @param lengths tokens of each row
 */
export function planEpoch(
  lengths: Int32Array,
  { batchTokens, microTokens, microMultiple = 1, seed, epoch }: BatchOptions,
): Epoch {
  const { shuffle } = random(seed, `batches of epoch ${epoch}`)
  const rows = shuffle(Array.from(lengths, (_, row) => row))
  const batches: number[][] = []
  let rest: number[] = []
  for (const chunk of chunks(rows, lengths, BATCHES_IN_CHUNK * batchTokens)) {
    batches.push(
      ...fill(
        [...rest, ...chunk].sort((a, b) => lengths[a] - lengths[b]),
        lengths,
        batchTokens,
      ),
    )
    // The last batch of a chunk is a remainder, of the longest rows at that: it goes on with the next.
    rest = batches.pop() ?? []
  }
  if (rest.length > 0) batches.push(rest)
  return shuffle(batches).map((batch) => even(batch, lengths, microTokens, microMultiple))
}

function chunks(rows: readonly number[], lengths: Int32Array, tokens: number): number[][] {
  const all: number[][] = []
  let room = 0
  for (const row of rows) {
    if (room <= 0) {
      all.push([])
      room = tokens
    }
    all[all.length - 1].push(row)
    room -= lengths[row]
  }
  return all
}

/** Parts rows in ascending order of length into groups of at most so many padded tokens, each as full as can be. */
function fill(rows: readonly number[], lengths: Int32Array, tokens: number): number[][] {
  const groups: number[][] = []
  for (const row of rows) {
    const last = groups.at(-1)
    if (last && (last.length + 1) * lengths[row] <= tokens) last.push(row)
    else groups.push([row])
  }
  return groups
}

/** As many groups as `fill` makes, or some more, with the largest as small as that allows: threads that share them finish together. */
function even(rows: readonly number[], lengths: Int32Array, tokens: number, multiple: number): number[][] {
  const fewest = Math.ceil(fill(rows, lengths, tokens).length / multiple) * multiple
  let low = 1
  let high = tokens
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (fill(rows, lengths, middle).length > fewest) low = middle + 1
    else high = middle
  }
  return fill(rows, lengths, high)
}
