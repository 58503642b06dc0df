/** Memory that every thread of the process reads and writes without a copy. */
export const sharedFloats = (length: number): Float32Array => new Float32Array(new SharedArrayBuffer(4 * length))
