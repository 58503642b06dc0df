const word = new Uint32Array(1)
const float = new Float32Array(word.buffer)

/** bfloat16 words → f32: the upper half of the same number. */
export function fromBf16(words: Uint16Array, into: Float32Array): void {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length)
  for (let i = 0; i < words.length; i++) bits[i] = words[i] << 16
}

/** f32 → bfloat16 words, rounded to the nearest, ties to even; a NaN stays one. */
export function toBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const words = new Uint16Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const b = bits[i]
    words[i] = (b & 0x7fffffff) > 0x7f800000 ? (b >>> 16) | 0x40 : (b + 0x7fff + ((b >>> 16) & 1)) >>> 16
  }
  return words
}

/** IEEE half words → f32, exactly. */
export function fromF16(words: Uint16Array, into: Float32Array): void {
  for (let i = 0; i < words.length; i++) into[i] = half(words[i])
}

function half(h: number): number {
  const [sign, exponent, fraction] = [h & 0x8000, (h >>> 10) & 31, h & 0x3ff]
  if (exponent === 0) return (sign ? -1 : 1) * fraction * 2 ** -24
  word[0] = (sign << 16) | (exponent === 31 ? 0x7f800000 : (exponent + 112) << 23) | (fraction << 13)
  return float[0]
}
