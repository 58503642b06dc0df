import { expect, test } from 'vitest'
import { peakBytes } from '../../graph/memory.ts'
import { add, relu } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { reduceSum } from '../../graph/ops/shape.ts'
import { buildProgram } from '../../graph/program.ts'

test('the peak of a program counts the values that are needed at the same time, and no inputs', () => {
  const x = input('x', 'f32', ['batch', 10])
  const a = relu(x)
  const b = relu(a)
  const c = relu(b)
  // Each value is freed once the next one is computed.
  expect(peakBytes(buildProgram('chain', { c }), { batch: 5 })).toBe(2 * 5 * 10 * 4)
  expect(peakBytes(buildProgram('chain', { c }), { batch: 50 })).toBe(2 * 50 * 10 * 4)
  // `a` is needed until the end, as in a backward pass.
  expect(peakBytes(buildProgram('saved', { sum: add(c, a) }), { batch: 5 })).toBe(3 * 5 * 10 * 4)
  // Results stay.
  expect(peakBytes(buildProgram('results', { a, c }), { batch: 5 })).toBe(3 * 5 * 10 * 4)
  expect(peakBytes(buildProgram('results', { a, c }), { batch: 5 }, false)).toBe(5 * 10 * 4)
  expect(peakBytes(buildProgram('sum', { sum: reduceSum(x, [0, 1]) }), { batch: 5 })).toBe(4)
})
