import type { Data } from './session.ts'

/**
 * The size that a device runs in place of `n`: one of eight in each octave (16, 18, 20, … 30, 32, 36, …), so at most an eighth more.
 * Programs are lowered for one size each, which costs as much as some steps.
 */
export function paddedSize(n: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(n)) - 3)
  return Math.ceil(n / step) * step
}

/** The same values in an array of other sizes: zeros where it is larger, cut where it is smaller. */
export function resized<T extends Data>(data: T, from: readonly number[], to: readonly number[]): T {
  if (from.join() === to.join()) return data
  const count = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1)
  const result = new (data.constructor as new (length: number) => T)(count(to))
  // What follows the last axis that differs is copied in one piece.
  const last = from.findLastIndex((size, axis) => size !== to[axis])
  const piece = count(from.slice(last + 1))
  const run = Math.min(from[last], to[last]) * piece
  const copy = (axis: number, at: number, into: number) => {
    if (axis === last) return result.set(data.subarray(at, at + run) as never, into)
    const [inner, outer] = [count(from.slice(axis + 1)), count(to.slice(axis + 1))]
    for (let i = 0; i < Math.min(from[axis], to[axis]); i++) copy(axis + 1, at + i * inner, into + i * outer)
  }
  copy(0, 0, 0)
  return result
}
