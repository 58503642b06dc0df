import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openArena } from '../../serving/arena.ts'

const SIZE = 4096

test('allocated blocks never overlap, and after all are freed the whole memory is available again', () => {
  const step = fc.record({ bytes: fc.integer({ min: 0, max: 1500 }), high: fc.boolean(), freed: fc.nat(20) })
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
      const arena = openArena(SIZE)
      const blocks: { offset: number; bytes: number }[] = []
      for (const { bytes, high, freed } of steps) {
        const offset = arena.allocate(bytes, high ? 'high' : 'low')
        if (offset !== undefined) {
          expect(offset % 64).toBe(0)
          expect(offset + bytes).toBeLessThanOrEqual(SIZE)
          for (const block of blocks)
            expect(offset + bytes <= block.offset || block.offset + block.bytes <= offset).toBe(true)
          blocks.push({ offset, bytes })
        }
        if (offset === undefined || freed < 6)
          for (const block of blocks.splice(freed % (blocks.length || 1), 1)) arena.free(block.offset)
        expect(arena.usedBytes).toBeGreaterThanOrEqual(blocks.reduce((sum, block) => sum + block.bytes, 0))
      }
      for (const { offset } of blocks) arena.free(offset)
      expect(arena.usedBytes).toBe(0)
      expect(arena.allocate(SIZE, 'low')).toBe(0)
    }),
  )
})

test('small and large blocks can be allocated from opposite ends', () => {
  const arena = openArena(SIZE)
  expect([arena.allocate(64, 'low'), arena.allocate(1024, 'high'), arena.allocate(64, 'low')]).toEqual([
    0,
    SIZE - 1024,
    64,
  ])
  expect(arena.allocate(SIZE, 'low')).toBeUndefined()
})

test('a block can be freed only once', () => {
  const arena = openArena(SIZE)
  const offset = arena.allocate(64, 'low') as number
  expect(() => arena.free(offset + 64)).toThrow('nothing is allocated')
  arena.free(offset)
  expect(() => arena.free(offset)).toThrow('nothing is allocated')
})

test('memory that was never written is not resident', () => {
  const before = process.memoryUsage.rss()
  const arena = openArena(8 * 2 ** 30)
  expect(arena.buffer.byteLength).toBe(8 * 2 ** 30)
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 2 ** 20)
})
