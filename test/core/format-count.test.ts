import { expect, test } from 'vitest'
import { formatCount } from '../../core/format-count.ts'

test('digits are grouped by three', () => {
  const counts = [0, 7, 999, 1000, 12_345, 999_999, 1_000_000, 1_234_567_890]
  expect(counts.map(formatCount)).toEqual(counts.map((n) => n.toLocaleString('en')))
})
