// One number, as bits and as a float.
const scratchBits = new Uint32Array(1)
const scratchFloat = new Float32Array(scratchBits.buffer)

/** Converts bfloat16 words to f32. A word is the upper half of the same number in f32. */
export function fromBf16(words: Uint16Array, into: Float32Array): void {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length)
  for (let i = 0; i < words.length; i++) bits[i] = words[i] << 16
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
