import { atLeast, binomialMass } from './binomial.ts'
import type { PairCounts } from './mcnemar.ts'

/** How often a difference shall be found to count as one that would show. */
export const POWER = 0.8

/**
 * The smallest difference of accuracies that would be found in four of five test sets of this size.
 *
 * The power is that of the exact McNemar test itself, summed over the discordant reviews that a test set may hold (Duffy 1984, Biometrics 40,
 * p. 1005); the share of discordant reviews is the one found, or the difference where that is larger, since a difference cannot be
 * without as many discordant reviews. The normal approximation of the same is Connor's (1987, Biometrics 43, p. 207).
 * @param level of the test of this pair: 0.05 over the number of pairs, the least that Holm's adjustment may ask of it
 * @returns between 0 and 1; null where no difference would show
 */
export function smallestDetectable({ n, wins, losses }: PairCounts, level: number): number | null {
  const rate = (wins + losses) / n
  const needed = criticalWins(level)
  const shows = (difference: number) => power(n, Math.max(rate, difference), difference, needed) >= POWER
  if (!shows(1)) return null
  let [low, high] = [0, 1]
  while (high - low > 1e-6) {
    const middle = (low + high) / 2
    if (shows(middle)) high = middle
    else low = middle
  }
  return high
}

/** The chance that a difference is found where it is so large and this share of the reviews is discordant. */
function power(n: number, rate: number, difference: number, needed: (discordant: number) => number): number {
  const win = (1 + difference / rate) / 2
  const { from, mass } = binomialMass(n, rate)
  return mass.reduce((sum, chance, i) => {
    const discordant = from + i
    const least = needed(discordant)
    // Past that many, where even all are too few.
    if (least > discordant) return sum
    return sum + chance * (atLeast(least, discordant, win) + atLeast(least, discordant, 1 - win))
  }, 0)
}

/** How many of the discordant reviews one adapter has to win to be called better. */
function criticalWins(level: number): (discordant: number) => number {
  const known = new Map<number, number>()
  return (discordant) => {
    const before = known.get(discordant)
    if (before !== undefined) return before
    let [low, high] = [Math.floor(discordant / 2), discordant + 1]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (2 * atLeast(middle, discordant, 0.5) < level) high = middle
      else low = middle
    }
    known.set(discordant, high)
    return high
  }
}
