import type { ArtifactStorage } from './artifacts.ts'

export interface CollectOptions {
  /**
   * Removes only artifacts whose last put was before this time. Allow more than the longest time between a put and the
   * record that refers to it, for example an hour.
   */
  olderThan: Date
}

export interface RemovedArtifacts {
  artifacts: number
  bytes: number
}

/**
 * Removes the artifacts that nothing refers to and that were not put recently.
 * @param referenced the digests that are referred to. They are read after the list of artifacts, so that a reference
 *   that is added meanwhile counts. If reading fails, nothing is removed.
 */
export async function collectArtifacts(
  artifacts: ArtifactStorage,
  referenced: AsyncIterable<string>,
  { olderThan }: CollectOptions,
): Promise<RemovedArtifacts> {
  const old = new Map<string, number>()
  for await (const { digest, bytes, putAt } of artifacts.list()) if (putAt < olderThan) old.set(digest, bytes)
  for await (const digest of referenced) old.delete(digest)
  const removed = { artifacts: 0, bytes: 0 }
  for (const [digest, bytes] of old) {
    if (!(await artifacts.remove(digest, { putBefore: olderThan }))) continue
    removed.artifacts++
    removed.bytes += bytes
  }
  return removed
}
