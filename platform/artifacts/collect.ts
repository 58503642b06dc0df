import type { Artifacts } from './artifacts.ts'

export interface CollectOptions {
  /**
   * Only what was put last before this moment is removed. Leave more time than ever passes between a put and the record that refers to
   * it: an hour, say.
   */
  olderThan: Date
}

export interface Collected {
  artifacts: number
  bytes: number
}

/**
 * Removes what nothing refers to and was not put lately.
 * @param referenced the digests that are referred to, read after the list of what is kept, so that none that was added meanwhile is
 *   overlooked. If it fails, nothing is removed.
 */
export async function collect(
  artifacts: Artifacts,
  referenced: AsyncIterable<string>,
  { olderThan }: CollectOptions,
): Promise<Collected> {
  const old = new Map<string, number>()
  for await (const { digest, bytes, putAt } of artifacts.list()) if (putAt < olderThan) old.set(digest, bytes)
  for await (const digest of referenced) old.delete(digest)
  const collected = { artifacts: 0, bytes: 0 }
  for (const [digest, bytes] of old) {
    if (!(await artifacts.remove(digest, { putBefore: olderThan }))) continue
    collected.artifacts++
    collected.bytes += bytes
  }
  return collected
}
