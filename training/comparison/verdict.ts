import type { AdapterResult, PairResult } from './comparison.ts'

type Found = Omit<PairResult, 'verdict'>

/** What a pair's numbers allow to be said. */
export function pairVerdict(pair: Found, n: number): string {
  const { a, b, better, wins, losses } = pair
  const show = pointsOf(n)
  // As seen from the one that is ahead.
  const ahead = wins >= losses
  const [name, sign] = ahead ? [b, 1] : [a, -1]
  const ends = ahead ? pair.interval : [-pair.interval[1], -pair.interval[0]]
  const numbers = `${show(sign * pair.difference)} points [${ends.map(show).join(', ')}], ${Math.max(wins, losses)} wins against ${Math.min(wins, losses)}`
  if (better !== null) return `${better} is better: ${numbers}`
  const found =
    wins + losses === 0
      ? 'there is none that one has right and the other wrong'
      : wins === losses
        ? numbers
        : `${name} is ahead by ${numbers}`
  return `cannot tell: ${unseen(pair.smallest_detectable, n)} (${found})`
}

/** What can be said of all: the pair's verdict where there are two. */
export function verdictOf(
  adapters: readonly AdapterResult[],
  pairs: readonly PairResult[],
  smallest: number | null,
): string {
  if (pairs.length === 1) return pairs[0].verdict
  const { n } = adapters[0]
  const order = [...adapters].sort((x, y) => y.accuracy - x.accuracy)
  const loserOf = (pair: PairResult) => (pair.better === pair.a ? pair.b : pair.a)
  const wins = order.flatMap(({ name }) => {
    const beaten = pairs.filter(({ better }) => better === name).map(loserOf)
    const sorted = order.map((adapter) => adapter.name).filter((other) => beaten.includes(other))
    return sorted.length === 0 ? [] : [`${name} is better than ${list(sorted)}`]
  })
  const open = pairs.filter(({ better }) => better === null)
  const ranking = `by accuracy ${order.map(({ name, accuracy }) => `${name} ${(100 * accuracy).toFixed(n > MANY ? 2 : 1)} %`).join(', ')}`
  if (wins.length === 0) return `cannot tell any of them apart: ${unseen(smallest, n)} (${ranking})`
  const rest = open.length === 0 ? [] : [`cannot tell ${list(open.map(({ a, b }) => `${a} from ${b}`))}`]
  return `${[...wins, ...rest].join('; ')} (${ranking})`
}

function unseen(smallest: number | null, n: number): string {
  const reviews = n === 1 ? '1 review' : `${n.toLocaleString('en')} reviews`
  return smallest === null
    ? `no difference would show on ${reviews}`
    : `a difference under ${pointsOf(n)(smallest)} points would not show on ${reviews}`
}

/** Past so many reviews one of them is less than a twentieth of a point. */
const MANY = 2000

/** Per cent of the reviews, without the sign of a zero. */
const pointsOf =
  (n: number) =>
  (share: number): string =>
    (100 * share).toFixed(n > MANY ? 2 : 1).replace(/^-(0\.0+)$/, '$1')

const list = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
