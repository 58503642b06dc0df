import { type Adapter, type Alias, type Comparison, requireSuccess } from '../client/client.ts'
import { graft } from './session.ts'

interface Promotion {
  alias: string
  adapter: Adapter
  /** The alias as it is; not set for a new one. */
  current?: Alias
  /** The data set to compare on, if the alias is guarded. */
  dataset: string
  /** The guard of a new alias, as a share. */
  margin?: number
}

const POLL_MS = 1000

/**
 * Points an alias to an adapter. If the alias is guarded, compares the adapter with the current one first.
 * @throws GraftError `promotion_refused` if the comparison does not show that the adapter is not worse
 */
export async function promote(
  { alias, adapter, current, dataset, margin }: Promotion,
  onStage: (stage: string) => void,
): Promise<Alias> {
  if (!current)
    return graft.aliases.set(alias, { adapter: adapter.id, ...(margin !== undefined && { guard: { margin } }) })
  if (!current.guard || current.adapter.id === adapter.id) return graft.aliases.set(alias, { adapter: adapter.id })
  onStage(`Comparing ${current.adapter.name} with ${adapter.name}`)
  const comparison = await waitFor(
    await graft.comparisons.start({ adapters: [current.adapter.id, adapter.id], dataset }),
  )
  onStage('Moving the alias')
  return graft.aliases.set(alias, { adapter: adapter.id, comparison: comparison.id })
}

async function waitFor(started: Comparison): Promise<Comparison> {
  let comparison = started
  while (comparison.status === 'queued' || comparison.status === 'running') {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    comparison = await graft.comparisons.get(started.id)
  }
  requireSuccess(comparison)
  return comparison
}
