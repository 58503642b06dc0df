import { probabilityAtLeast } from './binomial.ts'

/** The results of two adapters on the same examples. */
export interface PairCounts {
  /** The number of examples. */
  n: number
  /** Examples on which only the second adapter is correct. */
  wins: number
  /** Examples on which only the first adapter is correct. */
  losses: number
}

/** Adapters are called different if their adjusted p is below this level. */
export const SIGNIFICANCE_LEVEL = 0.05

/**
 * Returns the two-sided p of McNemar's test (1947) in its exact form. If both adapters are equally good, each example
 * on which only one of them is correct is a coin toss, so the number of wins is binomial with chance 1/2. The exact
 * test never exceeds its level.
 *
 * The chi-square form is an approximation for 25 or more such examples. The mid-p form (Fagerland, Lydersen and Laake
 * 2013, doi 10.1186/1471-2288-13-91) has more power on few examples but can slightly exceed its level. On the hundred
 * or so that a typical test set has, all three agree, and the exact form is as fast.
 */
export function exactMcNemarP({ wins, losses }: Pick<PairCounts, 'wins' | 'losses'>): number {
  const discordant = wins + losses
  return Math.min(1, 2 * probabilityAtLeast(Math.max(wins, losses), discordant, 0.5))
}

/**
 * Adjusts p values by Holm's step-down method (1979, Scandinavian Journal of Statistics 6). The chance that any true
 * null hypothesis is rejected then stays below the level, even if the tests depend on each other.
 * @returns one adjusted value for each value, in their order
 */
export function adjustByHolm(values: readonly number[]): number[] {
  const adjusted = new Array<number>(values.length)
  let largest = 0
  const order = values.map((_, i) => i).sort((i, j) => values[i] - values[j])
  for (const [rank, i] of order.entries()) {
    largest = Math.max(largest, Math.min(1, values[i] * (values.length - rank)))
    adjusted[i] = largest
  }
  return adjusted
}

export interface Decision {
  mcnemar_p: number
  /** Adjusted for all pairs of the comparison by Holm's method. */
  adjusted_p: number
  different: boolean
}

/** Decides which pairs of adapters are different. No other rule does. */
export function decideDifferences(pairs: readonly Pick<PairCounts, 'wins' | 'losses'>[]): Decision[] {
  const exact = pairs.map(exactMcNemarP)
  const adjusted = adjustByHolm(exact)
  return exact.map((mcnemar_p, i) => ({
    mcnemar_p,
    adjusted_p: adjusted[i],
    different: adjusted[i] < SIGNIFICANCE_LEVEL,
  }))
}
