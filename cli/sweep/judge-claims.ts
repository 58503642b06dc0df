import { adjustByHolm, SIGNIFICANCE_LEVEL } from '../../training/comparison/mcnemar.ts'
import { differenceOverSeeds } from '../../training/comparison/over-seeds.ts'
import type { Interval } from '../../training/metrics.ts'
import type { Claim } from './grid.ts'
import type { ClaimResult, ClaimVerdict, SeedComparison } from './report.ts'

interface Estimate {
  difference: number
  interval: Interval
  p: number
}

/**
 * Judges claims by the comparisons of their rows, one for each seed. With several seeds, the seeds are blocks: the
 * estimate is the mean of the differences within a seed. With one seed, it is that of the comparison.
 * @param n the number of test reviews
 * @param comparisons those of each claim, in the order of the claims; empty if the claim cannot be judged yet
 */
export function judgeClaims(
  claims: readonly Claim[],
  comparisons: readonly (readonly SeedComparison[])[],
  n: number,
): ClaimResult[] {
  const estimates = comparisons.map((seeds) => (seeds.length === 0 ? undefined : estimate(seeds, n)))
  const judged = estimates.filter((each) => each !== undefined)
  const adjusted = adjustByHolm(judged.map(({ p }) => p))
  return claims.map((claim, i) => {
    const estimated = estimates[i]
    if (!estimated) return { ...claim, verdict: 'unfinished', seeds: [] }
    const adjusted_p = adjusted[judged.indexOf(estimated)]
    return {
      ...claim,
      verdict: decide(estimated.difference, adjusted_p),
      ...estimated,
      adjusted_p,
      seeds: comparisons[i],
    }
  })
}

function estimate(seeds: readonly SeedComparison[], n: number): Estimate {
  if (seeds.length === 1) {
    const [{ difference, interval, mcnemar_p }] = seeds
    return { difference, interval, p: mcnemar_p }
  }
  const { mean, interval, p } = differenceOverSeeds(seeds.map(({ wins, losses }) => ({ n, wins, losses })))
  return { difference: mean, interval, p }
}

function decide(difference: number, adjustedP: number): ClaimVerdict {
  if (adjustedP >= SIGNIFICANCE_LEVEL) return 'undecided'
  return difference > 0 ? 'holds' : 'reversed'
}
