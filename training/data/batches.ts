import { random } from '../../core/random.ts'

/** What a batch holds at most, which is one optimizer step: so many padded tokens, or so many rows. */
export type BatchSize = { tokens: number } | { rows: number }

export interface BatchOptions {
  batch: BatchSize
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
  { batch: size, microTokens, microMultiple = 1, seed, epoch }: BatchOptions,
): Epoch {
  const { shuffle } = random(seed, `batches of epoch ${epoch}`)
  const rows = shuffle(Array.from(lengths, (_, row) => row))
  const batches: number[][] = []
  let rest: number[] = []
  for (const chunk of chunks(rows, lengths, size)) {
    batches.push(
      ...fill(
        [...rest, ...chunk].sort((a, b) => lengths[a] - lengths[b]),
        lengths,
        size,
      ),
    )
    // The last batch of a chunk is a remainder, of the longest rows at that: it goes on with the next.
    rest = batches.pop() ?? []
  }
  if (rest.length > 0) batches.push(rest)
  return shuffle(batches).map((batch) => even(batch, lengths, microTokens, microMultiple))
}

function chunks(rows: readonly number[], lengths: Int32Array, size: BatchSize): number[][] {
  const all: number[][] = []
  let room = 0
  for (const row of rows) {
    if (room <= 0) {
      all.push([])
      room = BATCHES_IN_CHUNK * ('rows' in size ? size.rows : size.tokens)
    }
    all[all.length - 1].push(row)
    room -= 'rows' in size ? 1 : lengths[row]
  }
  return all
}

/** Parts rows in ascending order of length into groups of at most that size, each as full as can be. */
function fill(rows: readonly number[], lengths: Int32Array, size: BatchSize): number[][] {
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

/** As many groups as `fill` makes, or some more, with the largest as small as that allows: threads that share them finish together. */
function even(rows: readonly number[], lengths: Int32Array, tokens: number, multiple: number): number[][] {
  const fewest = Math.ceil(fill(rows, lengths, { tokens }).length / multiple) * multiple
  let low = 1
  let high = tokens
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (fill(rows, lengths, { tokens: middle }).length > fewest) low = middle + 1
    else high = middle
  }
  return fill(rows, lengths, { tokens: high })
}
