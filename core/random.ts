/** A stream of pseudo-random numbers. The same seed and purpose give the same numbers on every machine. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number
  /** Standard normal. */
  normal(): number
  /** An integer in [0, bound). */
  integer(bound: number): number
  /** Reorders in place (Fisher-Yates) and returns the array. */
  shuffle<T>(items: T[]): T[]
}

/** Makes a stream by sfc32 (Doty-Humphrey, PractRand). Streams of different purposes are independent. */
export function makeRandom(seed: number, purpose: string): Random {
  const state = new Uint32Array([
    hash(purpose, 0x811c9dc5),
    hash(purpose, 0x01000193),
    seed >>> 0,
    Math.floor(seed / 2 ** 32) + 1,
  ])
  const next = (): number => {
    const t = (state[0] + state[1] + state[3]) >>> 0
    state[3]++
    state[0] = state[1] ^ (state[1] >>> 9)
    state[1] = state[2] + (state[2] << 3)
    state[2] = ((state[2] << 21) | (state[2] >>> 11)) + t
    return t
  }
  for (let i = 0; i < 20; i++) next()

  const uniform = () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53
  const integer = (bound: number) => Math.floor(uniform() * bound)
  return {
    uniform,
    integer,
    // Box and Muller 1958; 1 - u keeps the logarithm finite.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = integer(i + 1)
        const item = items[i]
        items[i] = items[j]
        items[j] = item
      }
      return items
    },
  }
}

/** Hashes a text by FNV-1a. */
function hash(text: string, offsetBasis: number): number {
  let h = offsetBasis
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}
