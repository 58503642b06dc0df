/**
 * A value given as consecutive pieces. The end is filled with zeros. The pieces are joined on the thread that runs the
 * program, so pieces in shared memory reach it without a copy.
 */
export interface Concatenation {
  readonly pieces: readonly Float32Array[]
}

export const isConcatenation = (value: object): value is Concatenation => 'pieces' in value

/** Joins the pieces into one array of the given size. */
export function concatenate({ pieces }: Concatenation, size: number): Float32Array {
  const data = new Float32Array(size)
  let offset = 0
  for (const piece of pieces) {
    data.set(piece, offset)
    offset += piece.length
  }
  return data
}
