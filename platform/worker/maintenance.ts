import { collect } from '../artifacts/collect.ts'
import { referencedArtifacts } from '../store/artifact-references.ts'
import { forgetKeys } from '../store/idempotency.ts'
import type { WorkerOptions } from './worker-options.ts'
import { sweepWorkspaces } from './workspaces.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/**
 * Removes what nobody needs any more: folders of workers that are gone, answers kept for repeated requests, artifacts without a
 * reference, files in the cache.
 */
export async function collectGarbage({ store, artifacts, cache, home }: WorkerOptions): Promise<void> {
  const ago = (milliseconds: number) => new Date(Date.now() - milliseconds)
  sweepWorkspaces(home)
  await forgetKeys(store.db, ago(DAY))
  await collect(artifacts, referenced(), { olderThan: ago(HOUR) })
  await cache.forget(ago(7 * DAY))

  async function* referenced() {
    yield* await referencedArtifacts(store.db)
  }
}
