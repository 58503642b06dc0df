import type { AdapterResult, Comparison } from '../training/comparison/comparison.ts'

/** The adapters by what the pairs say about each and the most accurate one. */
export interface Groups {
  leader: AdapterResult
  /** The data cannot tell these from the leader. */
  level: readonly AdapterResult[]
  /** The leader is better than these. */
  behind: readonly AdapterResult[]
}

/** Groups the adapters, each group by falling accuracy. If several are the most accurate, the first of them leads. */
export function groupAdapters({ adapters, pairs }: Comparison): Groups {
  const [leader, ...others] = adapters.toSorted((x, y) => y.accuracy - x.accuracy)
  const isBehind = ({ name }: AdapterResult) =>
    pairs.some(({ a, b, better }) => better === leader.name && (a === name || b === name))
  return {
    leader,
    level: others.filter((adapter) => !isBehind(adapter)),
    behind: others.filter(isBehind),
  }
}
