import { fail } from '../core/errors.ts'

/**
 * Memory for adapters: one SharedArrayBuffer of the whole budget, parts of which are lent. The system gives a page of it when it is first
 * written. Buffers of their own would not do: shared memory exerts no pressure on the garbage collector, so that what was dropped would
 * stay in memory, in each thread that saw it, for as long as nothing else makes that thread collect.
 */
export interface Arena {
  readonly buffer: SharedArrayBuffer
  /** Bytes that are lent. */
  readonly used: number
  /**
   * Lends so many bytes and tells where they begin, a multiple of 64; undefined where no free part is that large.
   * @param end the end of the arena from which to search: with the small at one and the large at the other, holes fit what comes
   */
  take(bytes: number, end: 'low' | 'high'): number | undefined
  give(at: number): void
}

/** Cache lines and the widest vector loads are 64 bytes. */
const ALIGNMENT = 64

interface Part {
  at: number
  bytes: number
}

/** @throws GraftError `usage` where the system does not give addresses for so many bytes */
export function openArena(size: number): Arena {
  const buffer = reserved(size)
  /** In the order of their places; no two of them touch. */
  let free: Part[] = [{ at: 0, bytes: aligned(size) }]
  const lent = new Map<number, number>()
  return {
    buffer,
    get used() {
      return [...lent.values()].reduce((sum, bytes) => sum + bytes, 0)
    },
    take(wanted, end) {
      const bytes = aligned(Math.max(1, wanted))
      const fits = (part: Part) => part.bytes >= bytes
      const part = end === 'low' ? free.find(fits) : free.findLast(fits)
      if (!part) return undefined
      const at = end === 'low' ? part.at : part.at + part.bytes - bytes
      if (end === 'low') part.at += bytes
      part.bytes -= bytes
      free = free.filter((one) => one.bytes > 0)
      lent.set(at, bytes)
      return at
    },
    give(at) {
      const bytes = lent.get(at)
      if (bytes === undefined) throw new Error(`nothing is lent at ${at}`)
      lent.delete(at)
      free = merged([...free, { at, bytes }].sort((a, b) => a.at - b.at))
    },
  }
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

function reserved(size: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(aligned(size))
  } catch (error) {
    return fail(
      'usage',
      {
        subject: 'the memory for adapters',
        expected: 'as many bytes as the system can give',
        found: String(size),
        fix: 'Give less.',
      },
      error,
    )
  }
}

/** Parts that touch become one. */
function merged(parts: readonly Part[]): Part[] {
  const result: Part[] = []
  for (const part of parts) {
    const last = result.at(-1)
    if (last && last.at + last.bytes === part.at) last.bytes += part.bytes
    else result.push({ ...part })
  }
  return result
}
