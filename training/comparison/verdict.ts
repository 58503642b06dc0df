import { formatCount } from '../../core/format-count.ts'
import type { AdapterResult, PairResult } from './comparison.ts'

type PairNumbers = Omit<PairResult, 'verdict'>

/** Returns what can be concluded from the numbers of a pair. */
export function describePair(pair: PairNumbers, n: number): string {
  const { a, b, better, wins, losses } = pair
  const format = pointFormatter(n)
  // The numbers are given for the adapter that is ahead.
  const ahead = wins >= losses
  const [name, sign] = ahead ? [b, 1] : [a, -1]
  const ends = ahead ? pair.interval : [-pair.interval[1], -pair.interval[0]]
  const numbers = `${format(sign * pair.difference)} points [${ends.map(format).join(', ')}], ${Math.max(wins, losses)} wins against ${Math.min(wins, losses)}`
  if (better !== null) return `${better} is better: ${numbers}`
  const observation =
    wins + losses === 0
      ? 'there is no review on which only one of them is correct'
      : wins === losses
        ? numbers
        : `${name} is ahead by ${numbers}`
  return `cannot tell: ${describeDetectable(pair.smallest_detectable, n)} (${observation})`
}

/** Returns what can be concluded about all adapters. If there are only two, it is the verdict of the pair. */
export function describeComparison(
  adapters: readonly AdapterResult[],
  pairs: readonly PairResult[],
  detectable: number | null,
): string {
  if (pairs.length === 1) return pairs[0].verdict
  const { n } = adapters[0]
  const format = pointFormatter(n)
  const order = [...adapters].sort((x, y) => y.accuracy - x.accuracy)
  const loserOf = (pair: PairResult) => (pair.better === pair.a ? pair.b : pair.a)
  const wins = order.flatMap(({ name }) => {
    const beaten = pairs.filter(({ better }) => better === name).map(loserOf)
    const sorted = order.map((adapter) => adapter.name).filter((other) => beaten.includes(other))
    return sorted.length === 0 ? [] : [`${name} is better than ${joinWords(sorted)}`]
  })
  const undecided = pairs.filter(({ better }) => better === null)
  const ranking = `by accuracy ${order.map(({ name, accuracy }) => `${name} ${format(accuracy)} %`).join(', ')}`
  if (wins.length === 0) return `cannot tell any of them apart: ${describeDetectable(detectable, n)} (${ranking})`
  const rest = undecided.length === 0 ? [] : [`cannot tell ${joinWords(undecided.map(({ a, b }) => `${a} from ${b}`))}`]
  return `${[...wins, ...rest].join('; ')} (${ranking})`
}

function describeDetectable(detectable: number | null, n: number): string {
  const reviews = n === 1 ? '1 review' : `${formatCount(n)} reviews`
  return detectable === null
    ? `no difference would show on ${reviews}`
    : `a difference under ${pointFormatter(n)(detectable)} points would not show on ${reviews}`
}

/** With more examples than this, one example is less than a twentieth of a percentage point. */
const MAX_N_WITH_ONE_DECIMAL = 2000

/** Returns a formatter of shares as percentage points. It never returns -0. */
const pointFormatter =
  (n: number) =>
  (share: number): string =>
    (100 * share).toFixed(n > MAX_N_WITH_ONE_DECIMAL ? 2 : 1).replace(/^-(0\.0+)$/, '$1')

const joinWords = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
