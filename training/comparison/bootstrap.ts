import type { Interval } from '../metrics.ts'
import { binomialMass } from './binomial.ts'
import type { PairCounts } from './mcnemar.ts'

/**
 * The paired bootstrap's 95 % percentile interval of the difference of two accuracies, second less first (Efron and Tibshirani 1993, ch.
 * 13): reviews are drawn again with both answers, so what makes a review hard for both cancels out.
 *
 * A drawn set is told by its wins and losses alone, and those are multinomial. So this is the ideal bootstrap, that of infinitely many sets,
 * summed exactly: no seed, and no noise of drawing. Before that, one win and one loss are added to the reviews (Laplace's adjustment as
 * of Bonett and Price 2012, doi 10.3102/1076998611411915); without it, few wins and losses give intervals that are too short, and none gives
 * one of no width.
 */
export function pairedBootstrap({ n, wins, losses }: PairCounts): Interval {
  const all = n + 2
  const discordant = wins + losses + 2
  /** By twice the wins less the discordant, which is wins less losses; from -all to all. */
  const chances = new Float64Array(2 * all + 1)
  const drawn = binomialMass(all, discordant / all)
  for (const [i, chance] of drawn.mass.entries()) {
    const count = drawn.from + i
    const won = binomialMass(count, (wins + 1) / discordant)
    for (const [j, share] of won.mass.entries()) chances[2 * (won.from + j) - count + all] += chance * share
  }
  return [quantile(chances, 0.025), quantile(chances, 0.975)].map((at) => (at - all) / all) as unknown as Interval
}

/** The first place up to which the chances come to so much. */
function quantile(chances: Float64Array, share: number): number {
  let sum = 0
  const at = chances.findIndex((chance) => {
    sum += chance
    return sum >= share
  })
  return at
}
