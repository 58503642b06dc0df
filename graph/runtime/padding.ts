import type { Data } from './session.ts'

/**
 * Returns the size that a device runs instead of `n`: one of eight sizes per octave (16, 18, 20, … 30, 32, 36, …), so
 * at most an eighth larger. This keeps the number of sizes small, because lowering a program for a new size takes as
 * long as several steps.
 */
export function paddedSize(n: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(n)) - 3)
  return Math.ceil(n / step) * step
}

/** Copies an array to another shape of the same rank. Axes that grow get zeros; axes that shrink are truncated. */
export function resize<T extends Data>(data: T, from: readonly number[], to: readonly number[]): T {
  if (from.join() === to.join()) return data
  const count = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1)
  const result = new (data.constructor as new (length: number) => T)(count(to))
  // The axes after the last one that differs are copied as one block.
  const last = from.findLastIndex((size, axis) => size !== to[axis])
  const block = count(from.slice(last + 1))
  const length = Math.min(from[last], to[last]) * block
  const copy = (axis: number, offset: number, target: number) => {
    if (axis === last) return result.set(data.subarray(offset, offset + length) as never, target)
    const [inner, outer] = [count(from.slice(axis + 1)), count(to.slice(axis + 1))]
    for (let i = 0; i < Math.min(from[axis], to[axis]); i++) copy(axis + 1, offset + i * inner, target + i * outer)
  }
  copy(0, 0, 0)
  return result
}
