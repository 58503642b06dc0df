import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openArena } from '../../serving/arena.ts'

const SIZE = 4096

test('parts that are lent never overlap, and once all are back the whole is free again', () => {
  const step = fc.record({ bytes: fc.integer({ min: 0, max: 1500 }), high: fc.boolean(), back: fc.nat(20) })
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
      const arena = openArena(SIZE)
      const lent: { at: number; bytes: number }[] = []
      for (const { bytes, high, back } of steps) {
        const at = arena.take(bytes, high ? 'high' : 'low')
        if (at !== undefined) {
          expect(at % 64).toBe(0)
          expect(at + bytes).toBeLessThanOrEqual(SIZE)
          for (const part of lent) expect(at + bytes <= part.at || part.at + part.bytes <= at).toBe(true)
          lent.push({ at, bytes })
        }
        if (at === undefined || back < 6)
          for (const { at: from } of lent.splice(back % (lent.length || 1), 1)) arena.give(from)
        expect(arena.used).toBeGreaterThanOrEqual(lent.reduce((sum, part) => sum + part.bytes, 0))
      }
      for (const { at } of lent) arena.give(at)
      expect(arena.used).toBe(0)
      expect(arena.take(SIZE, 'low')).toBe(0)
    }),
  )
})

test('the small are lent from one end and the large from the other', () => {
  const arena = openArena(SIZE)
  expect([arena.take(64, 'low'), arena.take(1024, 'high'), arena.take(64, 'low')]).toEqual([0, SIZE - 1024, 64])
  expect(arena.take(SIZE, 'low')).toBeUndefined()
})

test('what was not lent cannot be given back, nor anything twice', () => {
  const arena = openArena(SIZE)
  const at = arena.take(64, 'low') as number
  arena.give(at)
  expect(() => arena.give(at)).toThrow('nothing is lent')
})

test('memory that nobody has written costs none', () => {
  const before = process.memoryUsage.rss()
  const arena = openArena(8 * 2 ** 30)
  expect(arena.buffer.byteLength).toBe(8 * 2 ** 30)
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 2 ** 20)
})
