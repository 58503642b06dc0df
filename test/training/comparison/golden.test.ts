import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { atLeast, binomialMass } from '../../../training/comparison/binomial.ts'
import { pairedBootstrap } from '../../../training/comparison/bootstrap.ts'
import { smallestDetectable } from '../../../training/comparison/detectable.ts'
import { exactMcNemar, holm, type PairCounts } from '../../../training/comparison/mcnemar.ts'
import { type Interval, wilson } from '../../../training/metrics.ts'

interface Golden {
  mcnemar: (PairCounts & { p: number })[]
  bootstrap: (PairCounts & { interval: Interval })[]
  holm: { values: number[]; adjusted: number[] }[]
  at_least: { k: number; n: number; p: number; value: number }[]
  mass: { k: number; n: number; p: number; value: number }[]
  wilson: { successes: number; trials: number; interval: Interval }[]
  detectable: (PairCounts & { level: number; value: number | null })[]
}

// From scipy and statsmodels: test/fixtures/comparison/make.py.
const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/comparison/golden.json'), 'utf8'),
) as Golden

/** To ten digits, however small it is. */
const near = (found: number, expected: number) => expect(found / expected).toBeCloseTo(1, 9)

test.each(golden.at_least)('$k or more of $n at $p is as likely as scipy says', ({ k, n, p, value }) => {
  near(atLeast(k, n, p), value)
})

test.each(golden.mass)('$k of $n at $p is as likely as scipy says', ({ k, n, p, value }) => {
  const { from, mass } = binomialMass(n, p)
  expect(mass.reduce((a, b) => a + b)).toBeCloseTo(1, 9)
  const found = mass[k - from] ?? 0
  if (value < 1e-16) expect(found).toBeLessThan(1e-16)
  else near(found, value)
})

test.each(golden.mcnemar)('$wins wins against $losses have the p of statsmodels and of scipy', ({ p, ...counts }) => {
  near(exactMcNemar(counts), p)
  near(exactMcNemar({ wins: counts.losses, losses: counts.wins }), p)
})

test.each(golden.holm)('$values are adjusted as statsmodels does', ({ values, adjusted }) => {
  for (const [i, p] of holm(values).entries()) near(p, adjusted[i])
})

test.each(golden.wilson)(
  '$successes of $trials have the interval of statsmodels',
  ({ successes, trials, interval }) => {
    const found = wilson(successes, trials)
    for (const i of [0, 1]) expect(found[i]).toBeCloseTo(interval[i], 12)
  },
)

test.each(golden.bootstrap)(
  'the interval of $wins wins and $losses losses of $n is that of 200,000 sets drawn by scipy',
  ({ interval, ...counts }) => {
    const found = pairedBootstrap(counts)
    // Drawing errs by a review, at most.
    for (const i of [0, 1]) expect(Math.abs(found[i] - interval[i])).toBeLessThan(1.01 / (counts.n + 2))
  },
)

test.each(golden.detectable)(
  'the smallest difference that shows in $wins and $losses of $n at $level is where the power of scipy’s test is 0.8',
  ({ level, value, ...counts }) => {
    const found = smallestDetectable(counts, level)
    if (value === null) expect(found).toBeNull()
    else expect(found).toBeCloseTo(value, 5)
  },
)

test('that difference is near what Connor’s approximation gives', () => {
  for (const counts of [
    { n: 500, wins: 22, losses: 18 },
    { n: 5000, wins: 150, losses: 120 },
    { n: 25_000, wins: 1300, losses: 1100 },
  ]) {
    const found = smallestDetectable(counts, 0.05) as number
    const rate = (counts.wins + counts.losses) / counts.n
    const reviews = (1.959964 * Math.sqrt(rate) + 0.841621 * Math.sqrt(rate - found ** 2)) ** 2 / found ** 2
    expect(reviews / counts.n).toBeGreaterThan(0.92)
    expect(reviews / counts.n).toBeLessThan(1)
  }
})
