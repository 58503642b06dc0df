import type { Interval } from '../metrics.ts'
import { binomialMass } from './binomial.ts'
import type { PairCounts } from './mcnemar.ts'

/**
 * Returns the 95 % percentile interval of the paired bootstrap for the difference of two accuracies, the second minus
 * the first (Efron and Tibshirani 1993, ch. 13). Examples are resampled together with both predictions, so whatever
 * makes an example hard for both cancels out.
 *
 * Only the wins and losses of a resampled set matter, and those are multinomial. So this is the ideal bootstrap, of
 * infinitely many sets, summed exactly: it needs no seed and has no sampling noise. One win and one loss are added
 * first (Laplace's adjustment in Bonett and Price 2012, doi 10.3102/1076998611411915). Without it, few wins and losses
 * would give intervals that are too short, and none at all an interval without width.
 */
export function pairedBootstrapInterval({ n, wins, losses }: PairCounts): Interval {
  const all = n + 2
  const discordant = wins + losses + 2
  /** The chance of each difference wins - losses, from -all to all. */
  const chances = new Float64Array(2 * all + 1)
  const discordantMass = binomialMass(all, discordant / all)
  for (const [i, chance] of discordantMass.mass.entries()) {
    const count = discordantMass.from + i
    const winMass = binomialMass(count, (wins + 1) / discordant)
    // wins - losses = 2 · wins - discordant
    for (const [j, share] of winMass.mass.entries()) chances[2 * (winMass.from + j) - count + all] += chance * share
  }
  return [quantile(chances, 0.025), quantile(chances, 0.975)].map((at) => (at - all) / all) as unknown as Interval
}

/** Returns the first index up to which the chances sum to at least this share. */
function quantile(chances: Float64Array, share: number): number {
  let sum = 0
  return chances.findIndex((chance) => {
    sum += chance
    return sum >= share
  })
}
