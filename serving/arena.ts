import { fail } from '../core/errors.ts'

/**
 * Memory for adapters: one SharedArrayBuffer as large as the whole budget, allocated in blocks. The system provides
 * each page when it is first written. One buffer per adapter would not work: shared memory puts no pressure on the
 * garbage collector, so a dropped buffer would stay in memory until each thread that saw it happens to collect garbage.
 */
export interface Arena {
  readonly buffer: SharedArrayBuffer
  readonly usedBytes: number
  /**
   * Allocates a block.
   * @param end where to search from; if small blocks are at one end and large ones at the other, freed blocks fit later
   *   requests
   * @returns the byte offset of the block, a multiple of 64; undefined if no free block is large enough
   */
  allocate(bytes: number, end: 'low' | 'high'): number | undefined
  /** Frees the block at this offset. */
  free(offset: number): void
}

/** Cache lines and the widest vector loads have 64 bytes. */
const ALIGNMENT = 64

interface Block {
  offset: number
  bytes: number
}

/** @throws GraftError `usage` if the system has no address space for this many bytes */
export function openArena(size: number): Arena {
  const buffer = reserveMemory(size)
  /** By ascending offset; no two blocks are adjacent. */
  let freeBlocks: Block[] = [{ offset: 0, bytes: alignUp(size) }]
  /** Bytes of each allocated block, by its offset. */
  const allocated = new Map<number, number>()
  return {
    buffer,
    get usedBytes() {
      return [...allocated.values()].reduce((sum, bytes) => sum + bytes, 0)
    },
    allocate(requested, end) {
      const bytes = alignUp(Math.max(1, requested))
      const fits = (block: Block) => block.bytes >= bytes
      const block = end === 'low' ? freeBlocks.find(fits) : freeBlocks.findLast(fits)
      if (!block) return undefined
      const offset = end === 'low' ? block.offset : block.offset + block.bytes - bytes
      if (end === 'low') block.offset += bytes
      block.bytes -= bytes
      freeBlocks = freeBlocks.filter((one) => one.bytes > 0)
      allocated.set(offset, bytes)
      return offset
    },
    free(offset) {
      const bytes = allocated.get(offset)
      if (bytes === undefined) throw new Error(`nothing is allocated at ${offset}`)
      allocated.delete(offset)
      freeBlocks = mergeAdjacent([...freeBlocks, { offset, bytes }].sort((a, b) => a.offset - b.offset))
    },
  }
}

const alignUp = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

function reserveMemory(size: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(alignUp(size))
  } catch (error) {
    return fail(
      'usage',
      {
        subject: 'the memory for adapters',
        expected: 'a number of bytes that the system can provide',
        found: String(size),
        fix: 'Use a smaller number.',
      },
      error,
    )
  }
}

/** Joins blocks that are adjacent. */
function mergeAdjacent(blocks: readonly Block[]): Block[] {
  const result: Block[] = []
  for (const block of blocks) {
    const last = result.at(-1)
    if (last && last.offset + last.bytes === block.offset) last.bytes += block.bytes
    else result.push({ ...block })
  }
  return result
}
