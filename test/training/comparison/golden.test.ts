import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { binomialMass, probabilityAtLeast } from '../../../training/comparison/binomial.ts'
import { pairedBootstrapInterval } from '../../../training/comparison/bootstrap.ts'
import { smallestDetectable } from '../../../training/comparison/detectable.ts'
import { adjustByHolm, exactMcNemarP, type PairCounts } from '../../../training/comparison/mcnemar.ts'
import { studentCriticalValue, studentTwoSidedP } from '../../../training/comparison/student-t.ts'
import { type Interval, wilsonInterval } from '../../../training/metrics.ts'

interface Golden {
  mcnemar: (PairCounts & { p: number })[]
  bootstrap: (PairCounts & { interval: Interval })[]
  holm: { values: number[]; adjusted: number[] }[]
  at_least: { k: number; n: number; p: number; value: number }[]
  mass: { k: number; n: number; p: number; value: number }[]
  wilson: { successes: number; trials: number; interval: Interval }[]
  student: { degrees: number; t: number; p: number; critical: number }[]
  detectable: (PairCounts & { level: number; value: number | null })[]
}

// test/fixtures/comparison/make.py computed these numbers with scipy and statsmodels.
const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/comparison/golden.json'), 'utf8'),
) as Golden

/** Compares the first ten digits, however small the numbers are. */
const expectNear = (found: number, expected: number) => expect(found / expected).toBeCloseTo(1, 9)

test.each(golden.at_least)('the probability of $k or more in $n at $p is that of scipy', ({ k, n, p, value }) => {
  expectNear(probabilityAtLeast(k, n, p), value)
})

test.each(golden.mass)('the probability of $k in $n at $p is that of scipy', ({ k, n, p, value }) => {
  const { from, mass } = binomialMass(n, p)
  expect(mass.reduce((a, b) => a + b)).toBeCloseTo(1, 9)
  const found = mass[k - from] ?? 0
  if (value < 1e-16) expect(found).toBeLessThan(1e-16)
  else expectNear(found, value)
})

test.each(golden.mcnemar)('$wins wins against $losses have the p of statsmodels and scipy', ({ p, ...counts }) => {
  expectNear(exactMcNemarP(counts), p)
  expectNear(exactMcNemarP({ wins: counts.losses, losses: counts.wins }), p)
})

test.each(golden.holm)('$values are adjusted like in statsmodels', ({ values, adjusted }) => {
  for (const [i, p] of adjustByHolm(values).entries()) expectNear(p, adjusted[i])
})

test.each(golden.wilson)(
  '$successes of $trials have the interval of statsmodels',
  ({ successes, trials, interval }) => {
    const found = wilsonInterval(successes, trials)
    for (const i of [0, 1]) expect(found[i]).toBeCloseTo(interval[i], 12)
  },
)

test.each(golden.student)(
  'Student’s t of $degrees degrees of freedom has the p and the critical value of scipy',
  ({ degrees, t, p, critical }) => {
    expectNear(studentTwoSidedP(t, degrees), p)
    expectNear(studentTwoSidedP(-t, degrees), p)
    expectNear(studentCriticalValue(0.05, degrees), critical)
  },
)

test.each(golden.bootstrap)(
  'the interval of $wins wins and $losses losses in $n is that of 200,000 sets drawn by scipy',
  ({ interval, ...counts }) => {
    const found = pairedBootstrapInterval(counts)
    // The sampling error is at most one example.
    for (const i of [0, 1]) expect(Math.abs(found[i] - interval[i])).toBeLessThan(1.01 / (counts.n + 2))
  },
)

test.each(golden.detectable)(
  'at the smallest detectable difference of $wins and $losses in $n at $level, the power of scipy’s test is 0.8',
  ({ level, value, ...counts }) => {
    const found = smallestDetectable(counts, level)
    if (value === null) expect(found).toBeNull()
    else expect(found).toBeCloseTo(value, 5)
  },
)

test('the smallest detectable difference is near Connor’s approximation', () => {
  for (const counts of [
    { n: 500, wins: 22, losses: 18 },
    { n: 5000, wins: 150, losses: 120 },
    { n: 25_000, wins: 1300, losses: 1100 },
  ]) {
    const found = smallestDetectable(counts, 0.05) as number
    const rate = (counts.wins + counts.losses) / counts.n
    const examples = (1.959964 * Math.sqrt(rate) + 0.841621 * Math.sqrt(rate - found ** 2)) ** 2 / found ** 2
    expect(examples / counts.n).toBeGreaterThan(0.92)
    expect(examples / counts.n).toBeLessThan(1)
  }
})
