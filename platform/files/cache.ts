import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { GraftError } from '../../core/errors.ts'
import { uuidv7 } from '../../core/uuid.ts'
import type { Artifacts } from '../artifacts/artifacts.ts'
import { unpackFolder } from '../artifacts/unpack-folder.ts'

/** Artifacts as files of this machine, for whoever reads paths. They may be shared by processes, and must not be changed. */
export interface ArtifactCache {
  /**
   * The path of a packed folder, unpacked when it is first asked for.
   * @throws GraftError `artifact_missing`, `artifact_corrupt`, `artifacts_unavailable`, `disk_full`
   */
  folder(digest: string): Promise<string>
  /** The path of an artifact that is one file. Throws as `folder` does. */
  file(digest: string): Promise<string>
  /** Where an artifact lies or will lie, for whoever shall not be told of it. */
  pathOf(digest: string): string
  /** Removes what was not asked for since that moment. @returns how many */
  forget(before: Date): Promise<number>
}

/** @param cache where they are kept; anything in it may be removed at any time that nobody works with it */
export function openArtifactCache(artifacts: Artifacts, cache: string): ArtifactCache {
  const root = resolve(cache)
  const making = new Map<string, Promise<string>>()
  const pathOf = (digest: string) => join(root, digest)

  /** Asked for again while it is made, it is made once. */
  const kept = (digest: string, make: (path: string) => Promise<void>): Promise<string> => {
    const path = pathOf(digest)
    const made = making.get(digest) ?? present(path).then((there) => (there ? path : make(path).then(() => path)))
    making.set(digest, made)
    return made.finally(() => making.delete(digest))
  }

  return {
    pathOf,
    folder: (digest) =>
      kept(digest, async (path) => {
        await mkdir(root, { recursive: true })
        const { content } = await artifacts.get(digest)
        try {
          await unpackFolder(content, path, { fileBytes: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER })
        } catch (error) {
          // Another process was as quick.
          if (!(error instanceof GraftError && error.code === 'output_exists')) throw error
        } finally {
          content.destroy()
        }
      }),
    file: (digest) =>
      kept(digest, async (path) => {
        await mkdir(root, { recursive: true })
        const partial = `${path}.${uuidv7()}.partial`
        try {
          await pipeline((await artifacts.get(digest)).content, createWriteStream(partial, { flags: 'wx' }))
          await rename(partial, path)
        } catch (error) {
          await rm(partial, { force: true })
          throw error
        }
      }),
    async forget(before) {
      let removed = 0
      for (const name of await readdir(root).catch(() => [])) {
        const path = join(root, name)
        const found = await stat(path).catch(() => undefined)
        if (!found || found.mtime >= before || making.has(name)) continue
        await rm(path, { recursive: true, force: true })
        removed++
      }
      return removed
    },
  }
}

/** Whether it is there; its date is then that of its last use. */
async function present(path: string): Promise<boolean> {
  const now = new Date()
  return utimes(path, now, now).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
}
