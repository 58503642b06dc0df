import { expect, test } from 'vitest'
import { integratePath, type PathPoint } from '../../serving/integrate-path.ts'

/** Returns the points of a function of two inputs, given each input's share of it and of its derivative. */
const pathOf =
  (terms: readonly { value(x: number): number; rate(x: number): number }[], asked: number[] = []) =>
  async (alphas: readonly number[]): Promise<PathPoint[]> => {
    asked.push(...alphas)
    return alphas.map((x) => ({
      value: terms.reduce((sum, { value }) => sum + value(x), 0),
      rates: terms.map(({ rate }) => rate(x)),
    }))
  }

const cube = { value: (x: number) => x ** 3, rate: (x: number) => 3 * x ** 2 }
/** Changes with the logarithm near 0. */
const steep = { value: (x: number) => Math.log1p(1000 * x), rate: (x: number) => 1000 / (1 + 1000 * x) }
/** Has a kink. */
const kink = { value: (x: number) => 5 * Math.max(0, x - 0.3), rate: (x: number) => (x > 0.3 ? 5 : 0) }

test('each input contributes its own part of the change', async () => {
  const precision = { tolerance: 1e-4, maxPoints: 1000 }
  const { contributions, values, completenessError } = await integratePath(pathOf([cube, steep, kink]), precision)
  expect(values[1] - values[0]).toBeCloseTo(1 + Math.log(1001) + 3.5, 9)
  for (const [i, expected] of [1, Math.log(1001), 3.5].entries())
    expect(Math.abs(contributions[i] - expected), `input ${i}`).toBeLessThan(5e-3)
  expect(completenessError).toBeLessThanOrEqual(1e-4)
})

test('points are added where they are needed, each is computed once, and both ends are among them', async () => {
  const asked: number[] = []
  const { points } = await integratePath(pathOf([kink], asked), { tolerance: 1e-3, maxPoints: 1000 })
  expect(new Set(asked).size).toBe(asked.length)
  expect(points).toBe(asked.length)
  expect(asked).toEqual(expect.arrayContaining([0, 1]))
  const nearest = asked.map((x) => Math.abs(x - 0.3)).toSorted((a, b) => a - b)
  expect(nearest[1]).toBeLessThan(0.01)
  expect(points).toBeLessThan(100)
})

test('with too few points, the error that remains is returned', async () => {
  const { points, completenessError } = await integratePath(pathOf([kink]), { tolerance: 0, maxPoints: 30 })
  expect(points).toBeLessThanOrEqual(30)
  expect(completenessError).toBeGreaterThan(0)
})

test('a function that does not change has no error', async () => {
  const constant = { value: () => 7, rate: () => 0 }
  const { contributions, completenessError, points } = await integratePath(pathOf([constant]), {
    tolerance: 0.02,
    maxPoints: 129,
  })
  expect([contributions[0], completenessError, points]).toEqual([0, 0, 9])
})
