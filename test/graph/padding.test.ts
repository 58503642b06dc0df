import fc from 'fast-check'
import { expect, test } from 'vitest'
import { paddedSize, resize } from '../../graph/runtime/padding.ts'

test('a padded size is at most an eighth larger, never smaller, and only a few sizes remain', () => {
  const sizes = Array.from({ length: 2000 }, (_, i) => i + 1)
  for (const n of sizes) {
    expect(paddedSize(n)).toBeGreaterThanOrEqual(n)
    expect(paddedSize(n)).toBeLessThanOrEqual(1.125 * n)
    expect(paddedSize(paddedSize(n))).toBe(paddedSize(n))
  }
  expect(new Set(sizes.filter((n) => n > 256 && n <= 512).map(paddedSize)).size).toBe(8)
})

test('a resized array keeps its values in place, is zero elsewhere, and can be resized back without loss', () => {
  const dims = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 0, maxLength: 4 })
  const count = (list: readonly number[]) => list.reduce((a, b) => a * b, 1)
  fc.assert(
    fc.property(dims, fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }), (from, more) => {
      const to = from.map((size, axis) => size + more[axis])
      const data = Int32Array.from({ length: count(from) }, (_, i) => i + 1)
      const padded = resize(data, from, to)
      expect(padded).toHaveLength(count(to))
      let found = 0
      for (const [i, value] of padded.entries()) {
        let rest = i
        const place = to.map(() => 0)
        for (let axis = to.length - 1; axis >= 0; axis--) {
          place[axis] = rest % to[axis]
          rest = Math.floor(rest / to[axis])
        }
        const inside = place.every((p, axis) => p < from[axis])
        const index = place.reduce((sum, p, axis) => sum * from[axis] + p, 0)
        expect(value).toBe(inside ? index + 1 : 0)
        if (inside) found++
      }
      expect(found).toBe(data.length)
      expect(resize(padded, to, from)).toEqual(data)
    }),
  )
})
