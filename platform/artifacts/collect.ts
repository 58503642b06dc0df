import type { ArtifactStorage } from './artifacts.ts'

export interface CollectOptions {
  /**
   * Only artifacts whose last put was before this time are put into the trash. Allow more than the longest time between
   * a put and the record that refers to it, for example an hour.
   */
  putBefore: Date
  /** Only artifacts that were put into the trash before this time are removed, for example a day ago. */
  trashedBefore: Date
}

export interface Collection {
  /** The number of artifacts that were listed. */
  artifacts: number
  /** The number of artifacts that were put into the trash. */
  trashed: number
  /** The number of artifacts that were taken out of the trash, because something refers to them again. */
  restored: number
  /** The number of artifacts that were removed, and their bytes. */
  removed: number
  removedBytes: number
  /** The number of artifacts that were not trashed or removed because of the limit of one collection. */
  postponed: number
}

/** A collection trashes and removes at most this share of all artifacts: more is rather an error than garbage. */
const MAX_SHARE = 1 / 2
/** In small storage, a collection may trash and remove this many artifacts, whatever their share. */
const MIN_LIMIT = 16

/**
 * Collects the artifacts that nothing refers to. An artifact is removed only if one collection put it into the trash,
 * and a later one, after `trashedBefore`, still found no reference to it and no put since then. So a reference that is
 * overlooked for a while loses nothing.
 * @param readReferences returns the digests that are referred to. It is called after the artifacts were listed, so that
 *   a reference that is added meanwhile counts. If it fails, nothing changes.
 */
export async function collectArtifacts(
  artifacts: ArtifactStorage,
  readReferences: () => Promise<ReadonlySet<string>>,
  { putBefore, trashedBefore }: CollectOptions,
): Promise<Collection> {
  const stored = new Map<string, { bytes: number; putAt: Date }>()
  for await (const { digest, ...rest } of artifacts.list()) stored.set(digest, rest)
  const inTrash = new Map<string, Date>()
  for await (const { digest, trashedAt } of artifacts.listTrash()) inTrash.set(digest, trashedAt)
  const referenced = await readReferences()

  const collection: Collection = {
    artifacts: stored.size,
    trashed: 0,
    restored: 0,
    removed: 0,
    removedBytes: 0,
    postponed: 0,
  }
  const limit = Math.max(MIN_LIMIT, Math.floor(MAX_SHARE * stored.size))
  const isWithinLimit = () => {
    if (collection.trashed + collection.removed < limit) return true
    collection.postponed++
    return false
  }

  for (const [digest, trashedAt] of inTrash) {
    const artifact = stored.get(digest)
    const isNeeded = referenced.has(digest) || (artifact !== undefined && artifact.putAt >= trashedAt)
    if (isNeeded) collection.restored++
    else if (artifact) {
      if (trashedAt >= trashedBefore || !isWithinLimit()) continue
      if (await artifacts.remove(digest, { putBefore: trashedAt })) {
        collection.removed++
        collection.removedBytes += artifact.bytes
      }
    }
    await artifacts.restore(digest)
  }
  for (const [digest, { putAt }] of stored) {
    if (putAt >= putBefore || referenced.has(digest) || inTrash.has(digest) || !isWithinLimit()) continue
    await artifacts.trash(digest)
    collection.trashed++
  }
  return collection
}
