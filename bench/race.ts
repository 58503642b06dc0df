import type { Contestant, Round } from './contestant.ts'
import { addWork, secondsAtLimit, type Work } from './limits.ts'

/** The batches of a round: the lengths of the reviews of each. */
export type Batches = readonly number[][]

/** The result of a contestant. */
export interface Standing {
  readonly name: string
  readonly reviewsPerSecond: number
  /** How many times as fast as the reference it was in each round. */
  readonly ratios: readonly number[]
  readonly peakMegabytes: number
  /** The seconds of all rounds. */
  readonly seconds: number
}

/**
 * Runs rounds in turn, so that the load of the machine is the same for all contestants. A first round is a warm-up and
 * does not count.
 * @param batchesOf returns the batches of a round, from 0, for a contestant
 * @param reference the contestant that the others are compared with
 */
export async function race(
  contestants: readonly Contestant[],
  rounds: number,
  batchesOf: (round: number, contestant: Contestant) => Batches,
  reference: Contestant,
): Promise<Standing[]> {
  const results = new Map<Contestant, Round[]>(contestants.map((contestant) => [contestant, []]))
  for (let round = 0; round <= rounds; round++)
    for (const contestant of contestants) {
      const result = await contestant.round(batchesOf(round, contestant))
      if (round > 0) results.get(contestant)?.push(result)
    }
  const resultsOf = (contestant: Contestant) => results.get(contestant) as Round[]
  return contestants.map((contestant) => {
    const own = resultsOf(contestant)
    const ratios = own.map(({ seconds }, i) => resultsOf(reference)[i].seconds / seconds)
    const sum = (of: (round: Round) => number) => own.reduce((total, round) => total + of(round), 0)
    const seconds = sum((round) => round.seconds)
    return {
      name: contestant.name,
      reviewsPerSecond: sum(({ reviews }) => reviews) / seconds,
      ratios,
      peakMegabytes: own[own.length - 1].peak_rss_mb,
      seconds,
    }
  })
}

/**
 * Returns the share of the machine's limit that a contestant reached, if its work in all rounds is this.
 * @param work of each batch
 */
export const shareOfLimit = ({ seconds }: Standing, work: readonly Work[], limits: Work): string =>
  `${Math.round((100 * secondsAtLimit(addWork(work), limits)) / seconds)} %`
