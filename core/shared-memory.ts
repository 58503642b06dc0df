/** Allocates memory that all threads of the process can read and write without copying it. */
export const allocateSharedFloats = (length: number): Float32Array =>
  new Float32Array(new SharedArrayBuffer(4 * length))

/**
 * Frees the memory of an array that nothing shares, at once. Garbage collection would do so only after more memory has
 * been allocated. The array is empty afterwards. Call it only on threads that do no arithmetic in JavaScript: once a
 * buffer has been detached, V8 checks every access to a typed array on that thread.
 */
export const freeNow = ({ buffer }: ArrayBufferView): void => void (buffer as ArrayBuffer).transfer(0)
