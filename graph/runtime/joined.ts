/**
 * Pieces that follow one another; a number is so many zeros, and so is what is missing at the end. They become one value where the program
 * runs, so that pieces of shared memory get there without a copy.
 */
export interface Joined {
  readonly pieces: readonly (Float32Array | number)[]
}

export const isJoined = (value: object): value is Joined => 'pieces' in value

export function join({ pieces }: Joined, size: number): Float32Array {
  const data = new Float32Array(size)
  let at = 0
  for (const piece of pieces) {
    if (typeof piece !== 'number') data.set(piece, at)
    at += typeof piece === 'number' ? piece : piece.length
  }
  return data
}
