// One number, as bits and as a float.
const scratchBits = new Uint32Array(1)
const scratchFloat = new Float32Array(scratchBits.buffer)

/** Converts bfloat16 words to f32. A word is the upper half of the same number in f32. */
export function fromBf16(words: Uint16Array, into: Float32Array): void {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length)
  for (let i = 0; i < words.length; i++) bits[i] = words[i] << 16
}

/** Converts f32 to bfloat16 words, rounded to the nearest, ties to even. NaN stays NaN. */
export function toBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const words = new Uint16Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const b = bits[i]
    words[i] = (b & 0x7fffffff) > 0x7f800000 ? (b >>> 16) | 0x40 : (b + 0x7fff + ((b >>> 16) & 1)) >>> 16
  }
  return words
}

/** Converts IEEE half-precision words to f32, exactly. */
export function fromF16(words: Uint16Array, into: Float32Array): void {
  for (let i = 0; i < words.length; i++) into[i] = fromHalf(words[i])
}

function fromHalf(h: number): number {
  const [sign, exponent, fraction] = [h & 0x8000, (h >>> 10) & 31, h & 0x3ff]
  if (exponent === 0) return (sign ? -1 : 1) * fraction * 2 ** -24
  scratchBits[0] = (sign << 16) | (exponent === 31 ? 0x7f800000 : (exponent + 112) << 23) | (fraction << 13)
  return scratchFloat[0]
}
