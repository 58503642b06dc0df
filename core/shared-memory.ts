/** Allocates memory that all threads of the process can read and write without copying it. */
export const allocateSharedFloats = (length: number): Float32Array =>
  new Float32Array(new SharedArrayBuffer(4 * length))
