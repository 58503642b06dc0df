import { makeRandom } from '../../core/random.ts'
import type { Corpus } from './corpus.ts'

/** A part of a document: the tokens `from` to `to` of its corpus. They lie in the rows `firstRow` to `endRow`. */
export interface Segment {
  from: number
  to: number
  firstRow: number
  endRow: number
}

export interface SegmentOptions {
  /** The number of rows of a segment is drawn from these. */
  rows: readonly number[]
  /** The largest number of tokens of a segment is drawn from these. A longer row is divided. */
  tokens: readonly number[]
  seed: number
  epoch: number
}

/** Divides documents into segments. The result depends only on the corpus, the seed and the epoch. */
export function cutSegments(
  { starts, documents }: Pick<Corpus, 'starts' | 'documents'>,
  { rows, tokens, seed, epoch }: SegmentOptions,
): Segment[] {
  const random = makeRandom(seed, `segments of epoch ${epoch}`)
  const draw = (values: readonly number[]) => values[random.integer(values.length)]
  const segments: Segment[] = []
  for (let row = 0; row < documents.length; ) {
    const [wanted, limit] = [draw(rows), draw(tokens)]
    const firstRow = row
    const from = starts[row]
    do row++
    while (
      row < documents.length &&
      row - firstRow < wanted &&
      documents[row] === documents[firstRow] &&
      starts[row + 1] - from <= limit
    )
    for (let at = from; at < starts[row]; at += limit)
      segments.push({ from: at, to: Math.min(at + limit, starts[row]), firstRow, endRow: row })
  }
  return segments
}
