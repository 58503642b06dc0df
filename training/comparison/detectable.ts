import { binomialMass, probabilityAtLeast } from './binomial.ts'
import type { PairCounts } from './mcnemar.ts'

/** The share of test sets in which a difference must be found, to count as detectable. */
export const TARGET_POWER = 0.8

/**
 * Returns the smallest difference of accuracies that would be found in four of five test sets of this size.
 *
 * This is the power of McNemar's exact test, summed over the numbers of discordant examples that a test set can have
 * (Duffy 1984, Biometrics 40, p. 1005). The share of discordant examples is the observed one, but at least the
 * difference, because a difference needs that many discordant examples. Connor's formula is its normal approximation
 * (1987, Biometrics 43, p. 207).
 * @param level the level for this pair: 0.05 divided by the number of pairs, the strictest that Holm's method can
 *   require
 * @returns a number between 0 and 1, or null if no difference would be found
 */
export function smallestDetectable({ n, wins, losses }: PairCounts, level: number): number | null {
  const rate = (wins + losses) / n
  const needed = makeCriticalWins(level)
  const isDetectable = (difference: number) =>
    computePower(n, Math.max(rate, difference), difference, needed) >= TARGET_POWER
  if (!isDetectable(1)) return null
  let [low, high] = [0, 1]
  while (high - low > 1e-6) {
    const middle = (low + high) / 2
    if (isDetectable(middle)) high = middle
    else low = middle
  }
  return high
}

/** Returns the chance that this difference is found, if this share of the examples is discordant. */
function computePower(n: number, rate: number, difference: number, needed: (discordant: number) => number): number {
  const win = (1 + difference / rate) / 2
  const { from, mass } = binomialMass(n, rate)
  return mass.reduce((sum, chance, i) => {
    const discordant = from + i
    const wins = needed(discordant)
    // Even if one adapter won all of them, the difference would not be significant.
    if (wins > discordant) return sum
    return sum + chance * (probabilityAtLeast(wins, discordant, win) + probabilityAtLeast(wins, discordant, 1 - win))
  }, 0)
}

/** Makes a function that returns how many of the discordant examples an adapter must win to be significantly better. */
function makeCriticalWins(level: number): (discordant: number) => number {
  const cache = new Map<number, number>()
  return (discordant) => {
    const cached = cache.get(discordant)
    if (cached !== undefined) return cached
    let [low, high] = [Math.floor(discordant / 2), discordant + 1]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (2 * probabilityAtLeast(middle, discordant, 0.5) < level) high = middle
      else low = middle
    }
    cache.set(discordant, high)
    return high
  }
}
