import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../core/durations.ts'
import { collectArtifacts } from '../artifacts/collect.ts'
import { sweepWorkspaces } from '../files/workspaces.ts'
import { selectReferencedArtifacts } from '../store/artifact-references.ts'
import { deleteIdempotencyKeys } from '../store/idempotency.ts'
import { expireDeliveries } from '../store/webhooks.ts'
import type { WorkerOptions } from './worker-options.ts'

/** The time between two garbage collections of a worker. */
export const GARBAGE_INTERVAL_MS = 30 * MINUTE_MS

/**
 * Removes what is no longer needed: folders of workers that exited, cached files that were not used recently, stored
 * responses of idempotency keys, old messages to webhooks, and artifacts that no row has referred to for a day.
 */
export async function collectGarbage({ store, artifacts, cache, home, logger }: WorkerOptions): Promise<void> {
  const ago = (milliseconds: number) => new Date(Date.now() - milliseconds)
  sweepWorkspaces(home)
  await cache.evictUnused(ago(7 * DAY_MS))
  await deleteIdempotencyKeys(store.db, ago(DAY_MS))
  await expireDeliveries(store.db, { pendingSince: ago(3 * DAY_MS), endedBefore: ago(7 * DAY_MS) })
  const { postponed, ...collection } = await collectArtifacts(artifacts, () => selectReferencedArtifacts(store.db), {
    putBefore: ago(HOUR_MS),
    trashedBefore: ago(DAY_MS),
  })
  if (postponed > 0)
    logger.error(
      new Error(
        `nothing refers to ${postponed + collection.trashed + collection.removed} of ${collection.artifacts} artifacts, so only some of them were collected; if that is too many, check that no other database uses this artifact storage`,
      ),
      { task: 'garbage collection' },
    )
}

/** Collects garbage unless a process with this home folder has just done so. */
export async function collectGarbageIfDue(options: WorkerOptions): Promise<void> {
  const marker = join(options.home, 'garbage-collected')
  const collectedAt = statSync(marker, { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (Date.now() - collectedAt < GARBAGE_INTERVAL_MS) return
  await collectGarbage(options)
  writeFileSync(marker, '')
}
