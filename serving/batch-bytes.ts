import { peakBytes } from '../graph/memory.ts'
import type { Program } from '../graph/program.ts'
import { paddedSize } from '../graph/runtime/padding.ts'
import type { Symbols } from '../graph/types.ts'

/** The properties of a batch that decide how much memory it takes, besides its number of rows. */
export interface BatchShape {
  /** The tokens of the longest row, to which all others are padded. */
  readonly length: number
  /** The labels of the row that has the most. */
  readonly labels: number
  /** True if the rows have different adapters. */
  readonly isMixed: boolean
}

/** Returns the bytes that a batch takes while it runs, beside the weights. */
export type BatchBytes = (rows: number, shape: BatchShape) => number

/** A number of rows at which what each row takes outweighs everything else. */
const MANY_ROWS = 2 ** 20

/**
 * Returns a function that estimates the bytes of batches that run on a program. It returns a little more than
 * {@link peakBytes}, which takes too long to be called for each row that might join a batch.
 * @param sizes the sizes of the program's symbols, other than those of the batch
 */
export function measureBatchBytes(program: Program, sizes: Symbols = {}): BatchBytes {
  /** The bytes of one row, and of each further row, by length and labels. */
  const known = new Map<string, readonly [one: number, further: number]>()
  const measure = (source: number, labels: number) => {
    const [one, many, twice] = [1, MANY_ROWS, 2 * MANY_ROWS].map((batch) =>
      peakBytes(program, { ...sizes, batch, source, labels }),
    )
    // The peak is the largest of several linear functions of the rows, so it grows fastest at the end.
    return [one, (twice - many) / MANY_ROWS] as const
  }
  return (rows, { length, labels }) => {
    // Measuring takes a few milliseconds, so similar lengths are measured once.
    const source = paddedSize(length)
    const key = `${source} ${labels}`
    const [one, further] = known.get(key) ?? measure(source, labels)
    known.set(key, [one, further])
    return one + (rows - 1) * further
  }
}
