import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { COPY_RESERVE_BYTES, leaveReserve } from '../../core/disk-space.ts'
import { GraftError } from '../../core/errors.ts'
import { uuidv7 } from '../../core/uuid.ts'
import type { ArtifactStorage } from '../artifacts/artifacts.ts'
import { unpackFolder } from '../artifacts/unpack-folder.ts'

/**
 * Copies of artifacts on this machine, for code that reads files. Processes share them, so they must not be changed.
 */
export interface ArtifactCache {
  /**
   * Returns the path of a packed folder. The first call downloads and unpacks it.
   * @throws GraftError `artifact_missing`, `artifact_corrupt`, `artifacts_unavailable`, `disk_full`
   */
  folder(digest: string): Promise<string>
  /** Returns the path of an artifact that is a single file. Throws the same errors as `folder`. */
  file(digest: string): Promise<string>
  /** Returns the path of an artifact in the cache, present or not. Used to redact paths from errors. */
  pathOf(digest: string): string
  /** Removes an artifact from the cache. Call it when nothing on this machine reads it. */
  remove(digest: string): Promise<void>
  /** Removes the artifacts that were last used before a moment. @returns the number of removed artifacts */
  evictUnused(before: Date): Promise<number>
}

/** @param cache the folder of the cache; anything in it may be removed while nothing uses it */
export function openArtifactCache(artifacts: ArtifactStorage, cache: string): ArtifactCache {
  const root = resolve(cache)
  const pending = new Map<string, Promise<string>>()
  const pathOf = (digest: string) => join(root, digest)
  const disk = { folder: root, name: 'the cache', reserve: COPY_RESERVE_BYTES }

  /** Calls `download` unless the artifact is present. Calls that come during the download share it. */
  const getOrDownload = (digest: string, download: (path: string) => Promise<void>): Promise<string> => {
    const path = pathOf(digest)
    const result =
      pending.get(digest) ?? touch(path).then((present) => (present ? path : download(path).then(() => path)))
    pending.set(digest, result)
    return result.finally(() => pending.delete(digest))
  }

  /** Renames before it removes: a folder that is half removed must not look like an artifact. */
  const removeEntry = async (name: string): Promise<boolean> => {
    const aside = join(root, `.${uuidv7()}.removed`)
    const wasPresent = await unlessMissing(rename(join(root, name), aside))
    if (wasPresent) await rm(aside, { recursive: true, force: true })
    return wasPresent
  }

  return {
    pathOf,
    async remove(digest) {
      if (!pending.has(digest)) await removeEntry(digest)
    },
    folder: (digest) =>
      getOrDownload(digest, async (path) => {
        await mkdir(root, { recursive: true })
        const { content } = await artifacts.get(digest)
        try {
          const unlimited = Number.MAX_SAFE_INTEGER
          await unpackFolder(content, path, { fileBytes: unlimited, bytes: unlimited, reserve: COPY_RESERVE_BYTES })
        } catch (error) {
          // Another process may have unpacked it meanwhile.
          if (!(error instanceof GraftError && error.code === 'output_exists')) throw error
        } finally {
          content.destroy()
        }
      }),
    file: (digest) =>
      getOrDownload(digest, async (path) => {
        await mkdir(root, { recursive: true })
        const partial = `${path}.${uuidv7()}.partial`
        try {
          const { content } = await artifacts.get(digest)
          await pipeline(
            content,
            (chunks) => leaveReserve(chunks, disk),
            createWriteStream(partial, { flags: 'wx', flush: true }),
          )
          await rename(partial, path)
        } catch (error) {
          await rm(partial, { force: true })
          throw error
        }
      }),
    async evictUnused(before) {
      let removed = 0
      for (const name of await readdir(root).catch(() => [])) {
        const path = join(root, name)
        const stats = await stat(path).catch(() => undefined)
        if (!stats || stats.mtime >= before || pending.has(name)) continue
        if (await removeEntry(name)) removed++
      }
      return removed
    },
  }
}

/**
 * Sets the modification time of a file or a folder, which is the time of its last use.
 * @returns false if it does not exist
 */
async function touch(path: string): Promise<boolean> {
  const now = new Date()
  return unlessMissing(utimes(path, now, now))
}

/** Awaits work on a file or a folder. @returns false if it does not exist */
function unlessMissing(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
}
