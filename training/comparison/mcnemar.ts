import { atLeast } from './binomial.ts'

/** What a pair of adapters comes to on the same reviews. */
export interface PairCounts {
  /** Reviews that both answered. */
  n: number
  /** The second is right and the first is wrong. */
  wins: number
  /** The first is right and the second is wrong. */
  losses: number
}

/** A difference is called one below it. */
export const LEVEL = 0.05

/**
 * McNemar's test (1947) in its exact form: were both adapters equally good, each review that only one of them has right would be a toss of a
 * coin, so the two-sided p is that of a binomial with chance 1/2. It never calls a true null different more often than its level says. The
 * chi-square form is an approximation for 25 such reviews and more; the mid-p form (Fagerland, Lydersen and Laake 2013,
 * doi 10.1186/1471-2288-13-91) gains some power where there are few, and may pass its level by a little. At the hundred or so that
 * a test set of some size gives, the three say the same, and the exact one is as quick.
 */
export function exactMcNemar({ wins, losses }: Pick<PairCounts, 'wins' | 'losses'>): number {
  const discordant = wins + losses
  return Math.min(1, 2 * atLeast(Math.max(wins, losses), discordant, 0.5))
}

/**
 * Holm's step-down adjustment (1979, Scandinavian Journal of Statistics 6): with it, the chance that any true null among them is
 * called different stays at the level, however the tests hang together.
 * @returns one for each, in their order
 */
export function holm(values: readonly number[]): number[] {
  const adjusted = new Array<number>(values.length)
  let least = 0
  const order = values.map((_, i) => i).sort((i, j) => values[i] - values[j])
  for (const [rank, i] of order.entries()) {
    least = Math.max(least, Math.min(1, values[i] * (values.length - rank)))
    adjusted[i] = least
  }
  return adjusted
}

export interface Decision {
  mcnemar_p: number
  /** By Holm over all pairs of the comparison. */
  adjusted_p: number
  different: boolean
}

/** The rule by which a verdict calls adapters different; nothing else decides it. */
export function decide(pairs: readonly Pick<PairCounts, 'wins' | 'losses'>[]): Decision[] {
  const exact = pairs.map(exactMcNemar)
  const adjusted = holm(exact)
  return exact.map((mcnemar_p, i) => ({ mcnemar_p, adjusted_p: adjusted[i], different: adjusted[i] < LEVEL }))
}
