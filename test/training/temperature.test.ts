import { describe, expect, test } from 'vitest'
import { makeRandom } from '../../core/random.ts'
import { softmax } from '../../model/batch.ts'
import { fitTemperature } from '../../training/temperature.ts'

/** Draws logits, and labels from their probabilities at a temperature. */
function simulate(temperature: number, rows: number, classes: number) {
  const { normal, uniform } = makeRandom(7, 'logits')
  const logits = Array.from({ length: rows }, () => Array.from({ length: classes }, () => 4 * normal()))
  const labels = logits.map((row) => {
    const draw = uniform()
    const probabilities = softmax(row, temperature)
    return probabilities.findIndex((_, i) => draw < probabilities.slice(0, i + 1).reduce((a, b) => a + b, 1e-12))
  })
  return { logits, labels }
}

describe('a fitted temperature', () => {
  test.each([
    [0.5, 2],
    [1, 3],
    [2.5, 2],
    [6, 5],
  ])('is the one that the labels were drawn with: %d, for %i labels', (temperature, classes) => {
    const { logits, labels } = simulate(temperature, 10_000, classes)
    const fitted = fitTemperature(logits, labels)
    expect(Math.abs(fitted / temperature - 1)).toBeLessThan(0.06)
  })

  // Logits are three times the logarithms of integer weights. scipy's minimize_scalar found the minima.
  test.each([
    [300, 2, 2.7623535926833642],
    [500, 3, 2.5691525737431693],
  ])('is the minimum that scipy finds for %i rows of %i labels', (n, k, expected) => {
    const rows = Array.from({ length: n }, (_, i) => {
      const weights = Array.from({ length: k }, (_, j) => ((i * 37 + j * 59 + i * i * j) % 101) + 1)
      const label = (i * 53) % 97 < 60 ? weights.indexOf(Math.max(...weights)) : (i * 7) % k
      return { logits: weights.map((weight) => 3 * Math.log(weight)), label }
    })
    const fitted = fitTemperature(
      rows.map(({ logits }) => logits),
      rows.map(({ label }) => label),
    )
    expect(fitted).toBeCloseTo(expected, 5)
  })

  test('scales with the logits, and does not change if a number is added to all logits of a row', () => {
    const { logits, labels } = simulate(2, 500, 3)
    const fitted = fitTemperature(logits, labels)
    const changed = logits.map((row, i) => row.map((logit) => 1.5 * logit + 100 - i))
    expect(fitTemperature(changed, labels)).toBeCloseTo(1.5 * fitted, 4)
  })

  test('leaves doubt if every row is classified correctly: one row in n + 2 could be wrong', () => {
    const logits = Array.from({ length: 100 }, () => [3, 0])
    const fitted = fitTemperature(
      logits,
      logits.map(() => 0),
    )
    expect(softmax(logits[0], fitted)[0]).toBeCloseTo(101 / 102, 5)
  })

  test('stays in its range if the logits are of no use, or all have the right sign but hardly differ', () => {
    const logits = Array.from({ length: 100 }, () => [0.01, 0])
    const all = (label: number) => logits.map(() => label)
    expect(fitTemperature(logits, all(1))).toBe(20)
    expect(fitTemperature(logits, all(0))).toBe(0.05)
  })

  test('is 1 if no temperature changes a probability', () => {
    expect(fitTemperature([new Float32Array([2, 2]), new Float32Array([-1, -1])], [0, 1])).toBe(1)
  })
})
