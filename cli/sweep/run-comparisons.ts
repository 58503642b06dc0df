import { setTimeout as sleep } from 'node:timers/promises'
import type { Adapter } from '../../platform/schemas/adapters.ts'
import type { Comparison } from '../../platform/schemas/comparisons.ts'
import { isActive } from '../../platform/schemas/statuses.ts'
import type { Api } from '../store/api.ts'

const POLL_INTERVAL_MS = 500

/** Two adapters to compare. */
export interface Pair {
  worse: Adapter
  better: Adapter
}

/** Identifies a pair by its weights. */
export const pairKey = ({ worse, better }: Pair): string => `${worse.digest} ${better.digest}`

/**
 * Compares pairs of adapters on a data set. A comparison that the store has is not repeated.
 * @param onProgress called with the number of comparisons that have ended
 * @returns the comparisons by {@link pairKey}, in whatever way they ended
 * @throws GraftError the error of a request; the reason of the signal
 */
export async function runComparisons(
  api: Api,
  pairs: readonly Pair[],
  dataset: string,
  { signal, onProgress }: { signal: AbortSignal; onProgress(ended: number, total: number): void },
): Promise<Map<string, Comparison>> {
  const distinct = new Map(pairs.map((pair) => [pairKey(pair), pair]))
  const known = distinct.size > 0 ? await selectKnown(api, dataset) : new Map<string, string>()
  const found = new Map<string, Comparison>()
  for (const [key, { worse, better }] of distinct) {
    signal.throwIfAborted()
    const id = known.get(key)
    const comparison = id
      ? await api.comparisons.get(id)
      : await api.comparisons.start({ adapters: [worse.id, better.id], dataset })
    found.set(key, comparison)
  }
  for (;;) {
    const active = [...found].filter(([, comparison]) => isActive(comparison))
    onProgress(found.size - active.length, found.size)
    if (active.length === 0) return found
    await sleep(POLL_INTERVAL_MS, undefined, { signal }).catch(() => {})
    signal.throwIfAborted()
    for (const [key, { id }] of active) found.set(key, await api.comparisons.get(id))
  }
}

/** Returns the ids of the comparisons on a data set that succeeded or have not ended, by {@link pairKey}. */
async function selectKnown(api: Api, dataset: string): Promise<Map<string, string>> {
  const known = new Map<string, string>()
  for await (const comparison of api.comparisons.list()) {
    const { id, status, adapters } = comparison
    if (comparison.dataset !== dataset || !(status === 'succeeded' || isActive(comparison))) continue
    const key = adapters.map(({ digest }) => digest).join(' ')
    if (!known.has(key)) known.set(key, id)
  }
  return known
}
