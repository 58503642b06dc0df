import { DAY_MS, HOUR_MS } from '../../core/durations.ts'
import { collectArtifacts } from '../artifacts/collect.ts'
import { selectReferencedArtifacts } from '../store/artifact-references.ts'
import { deleteIdempotencyKeys } from '../store/idempotency.ts'
import type { WorkerOptions } from './worker-options.ts'
import { sweepWorkspaces } from './workspaces.ts'

/**
 * Removes what is no longer needed: folders of workers that exited, stored responses of idempotency keys, artifacts
 * that no row refers to, and cached files that were not used recently.
 */
export async function collectGarbage({ store, artifacts, cache, home }: WorkerOptions): Promise<void> {
  const ago = (milliseconds: number) => new Date(Date.now() - milliseconds)
  sweepWorkspaces(home)
  await deleteIdempotencyKeys(store.db, ago(DAY_MS))
  await collectArtifacts(artifacts, referenced(), { olderThan: ago(HOUR_MS) })
  await cache.evictUnused(ago(7 * DAY_MS))

  async function* referenced() {
    yield* await selectReferencedArtifacts(store.db)
  }
}
