import { describe, expect, test } from 'vitest'
import { makeRandom } from '../../../core/random.ts'
import { pairedBootstrapInterval } from '../../../training/comparison/bootstrap.ts'
import { smallestDetectable } from '../../../training/comparison/detectable.ts'
import { decideDifferences, type PairCounts, SIGNIFICANCE_LEVEL } from '../../../training/comparison/mcnemar.ts'

// The error rates of the rules of a verdict in repeated comparisons. The random draws are the same in every run.

/** Draws the wins and losses of a pair on n examples. */
function drawCounts(n: number, winning: number, losing: number, uniform: () => number): PairCounts {
  const counts = { n, wins: 0, losses: 0 }
  for (let i = 0; i < n; i++) {
    const x = uniform()
    if (x < winning) counts.wins++
    else if (x < winning + losing) counts.losses++
  }
  return counts
}

describe('equally good adapters are called different in at most 5 % of 10,000 comparisons', () => {
  test.each([
    [60, 0.1],
    [500, 0.02],
    [500, 0.2],
    [1000, 0.5],
  ])('two adapters on %i examples, with a share of %f on which only one is correct', (n, rate) => {
    const { uniform } = makeRandom(n, 'a true null')
    let different = 0
    for (let i = 0; i < 10_000; i++)
      different += Number(decideDifferences([drawCounts(n, rate / 2, rate / 2, uniform)])[0].different)
    expect(different).toBeLessThanOrEqual(500)
    // A test that never finds a difference would pass the line above.
    if (n * rate >= 100) expect(different).toBeGreaterThan(300)
  })

  test.each([3, 5])('%i adapters, counting a comparison if any of its pairs is called different', (adapters) => {
    const { uniform } = makeRandom(adapters, 'true nulls')
    const names = Array.from({ length: adapters }, (_, i) => i)
    const pairs = names.flatMap((a) => names.slice(a + 1).map((b) => [a, b]))
    let [families, unadjusted] = [0, 0]
    for (let i = 0; i < 10_000; i++) {
      const counts = pairs.map(() => ({ wins: 0, losses: 0 }))
      for (let example = 0; example < 150; example++) {
        // Hard examples are hard for all adapters.
        const chance = uniform() < 0.3 ? 0.5 : 0.98
        const correct = names.map(() => uniform() < chance)
        for (const [j, [a, b]] of pairs.entries())
          if (correct[b] && !correct[a]) counts[j].wins++
          else if (correct[a] && !correct[b]) counts[j].losses++
      }
      const decisions = decideDifferences(counts)
      families += Number(decisions.some(({ different }) => different))
      unadjusted += Number(decisions.some(({ mcnemar_p }) => mcnemar_p < SIGNIFICANCE_LEVEL))
    }
    expect(families).toBeLessThanOrEqual(500)
    // Without the adjustment, the rate would be higher.
    expect(unadjusted).toBeGreaterThan(500)
  })
})

test('the smallest detectable difference is found in four of five comparisons', () => {
  const { uniform } = makeRandom(4, 'power')
  for (const counts of [
    { n: 500, wins: 20, losses: 20 },
    { n: 400, wins: 60, losses: 60 },
  ]) {
    const { n } = counts
    const difference = smallestDetectable(counts, SIGNIFICANCE_LEVEL) as number
    const rate = (counts.wins + counts.losses) / n
    let found = 0
    for (let i = 0; i < 4000; i++)
      found += Number(
        decideDifferences([drawCounts(n, (rate + difference) / 2, (rate - difference) / 2, uniform)])[0].different,
      )
    expect(found / 4000).toBeGreaterThan(0.78)
    expect(found / 4000).toBeLessThan(0.82)
  }
})

test.each([
  [100, 0.02, 0],
  [100, 0.03, 0.01],
  [200, 0.01, 0.01],
  [300, 0.02, 0],
  [300, 0.1, 0.06],
  [500, 0.012, 0.004],
  [1000, 0.05, 0.04],
])(
  'the interval contains the true difference in about 95 % of comparisons: %i examples, %f against %f',
  (n, win, loss) => {
    const { uniform } = makeRandom(n, 'coverage')
    const draws = 2000
    let covered = 0
    for (let i = 0; i < draws; i++) {
      const [low, high] = pairedBootstrapInterval(drawCounts(n, win, loss, uniform))
      covered += Number(low <= win - loss + 1e-12 && win - loss - 1e-12 <= high)
    }
    expect(covered / draws).toBeGreaterThan(0.93)
  },
)

test.each([
  [500, 0.02, 0.04, 0.02],
  [1000, 0.03, 0.04, 0.01],
])(
  'an adapter that is worse by the margin of a guard is promoted in at most 4 % of comparisons, an equally good one in more: %i examples',
  (n, win, loss, margin) => {
    const { uniform } = makeRandom(n, 'promotion')
    const promotionRate = (winning: number, losing: number) => {
      let count = 0
      for (let i = 0; i < 2000; i++)
        count += Number(pairedBootstrapInterval(drawCounts(n, winning, losing, uniform))[0] >= -margin)
      return count / 2000
    }
    expect(promotionRate(win, loss)).toBeLessThan(0.04)
    expect(promotionRate((win + loss) / 2, (win + loss) / 2)).toBeGreaterThan(0.15)
  },
)
