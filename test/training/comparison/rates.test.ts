import { describe, expect, test } from 'vitest'
import { random } from '../../../core/random.ts'
import { pairedBootstrap } from '../../../training/comparison/bootstrap.ts'
import { smallestDetectable } from '../../../training/comparison/detectable.ts'
import { decide, LEVEL, type PairCounts } from '../../../training/comparison/mcnemar.ts'

// What the rules of a verdict come to when comparisons are repeated. The draws are the same in every run.

/** Wins and losses of a pair on so many reviews. */
function draw(n: number, winning: number, losing: number, uniform: () => number): PairCounts {
  const counts = { n, wins: 0, losses: 0 }
  for (let i = 0; i < n; i++) {
    const at = uniform()
    if (at < winning) counts.wins++
    else if (at < winning + losing) counts.losses++
  }
  return counts
}

describe('adapters that are equally good are called different in at most 5 % of 10,000 comparisons', () => {
  test.each([
    [60, 0.1],
    [500, 0.02],
    [500, 0.2],
    [1000, 0.5],
  ])('two of them, on %i reviews of which %f tell them apart', (n, rate) => {
    const { uniform } = random(n, 'a true null')
    let different = 0
    for (let i = 0; i < 10_000; i++) different += Number(decide([draw(n, rate / 2, rate / 2, uniform)])[0].different)
    expect(different).toBeLessThanOrEqual(500)
    // It is a test, not a refusal to decide.
    if (n * rate >= 100) expect(different).toBeGreaterThan(300)
  })

  test.each([3, 5])('%i of them, whichever pair it is that is called so', (adapters) => {
    const { uniform } = random(adapters, 'true nulls')
    const names = Array.from({ length: adapters }, (_, i) => i)
    const pairs = names.flatMap((a) => names.slice(a + 1).map((b) => [a, b]))
    let [families, unadjusted] = [0, 0]
    for (let i = 0; i < 10_000; i++) {
      const counts = pairs.map(() => ({ wins: 0, losses: 0 }))
      for (let review = 0; review < 150; review++) {
        // Hard reviews are hard for all.
        const chance = uniform() < 0.3 ? 0.5 : 0.98
        const right = names.map(() => uniform() < chance)
        for (const [j, [a, b]] of pairs.entries())
          if (right[b] && !right[a]) counts[j].wins++
          else if (right[a] && !right[b]) counts[j].losses++
      }
      const decisions = decide(counts)
      families += Number(decisions.some(({ different }) => different))
      unadjusted += Number(decisions.some(({ mcnemar_p }) => mcnemar_p < LEVEL))
    }
    expect(families).toBeLessThanOrEqual(500)
    // Without the adjustment they would be.
    expect(unadjusted).toBeGreaterThan(500)
  })
})

test('a difference as small as the report says shows is found in four of five comparisons', () => {
  const { uniform } = random(4, 'power')
  for (const counts of [
    { n: 500, wins: 20, losses: 20 },
    { n: 400, wins: 60, losses: 60 },
  ]) {
    const { n } = counts
    const least = smallestDetectable(counts, LEVEL) as number
    const rate = (counts.wins + counts.losses) / n
    let found = 0
    for (let i = 0; i < 4000; i++)
      found += Number(decide([draw(n, (rate + least) / 2, (rate - least) / 2, uniform)])[0].different)
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
])('the interval holds the true difference in about 95 % of comparisons: %i reviews, %f against %f', (n, win, loss) => {
  const { uniform } = random(n, 'coverage')
  const draws = 2000
  let held = 0
  for (let i = 0; i < draws; i++) {
    const [low, high] = pairedBootstrap(draw(n, win, loss, uniform))
    held += Number(low <= win - loss + 1e-12 && win - loss - 1e-12 <= high)
  }
  expect(held / draws).toBeGreaterThan(0.93)
})

test.each([
  [500, 0.02, 0.04, 0.02],
  [1000, 0.03, 0.04, 0.01],
])(
  'an adapter that is worse by all that a guard allows is promoted in at most 4 % of comparisons, one that is as good in more: %i reviews',
  (n, win, loss, margin) => {
    const { uniform } = random(n, 'promotion')
    const promoted = (winning: number, losing: number) => {
      let count = 0
      for (let i = 0; i < 2000; i++) count += Number(pairedBootstrap(draw(n, winning, losing, uniform))[0] >= -margin)
      return count / 2000
    }
    expect(promoted(win, loss)).toBeLessThan(0.04)
    expect(promoted((win + loss) / 2, (win + loss) / 2)).toBeGreaterThan(0.15)
  },
)
