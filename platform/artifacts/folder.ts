import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { leaveReserve } from '../../core/disk-space.ts'
import { DAY_MS, HOUR_MS } from '../../core/durations.ts'
import {
  type Artifact,
  type ArtifactStorage,
  type Content,
  digestFromKey,
  isDigest,
  keyOf,
  type OpenArtifact,
  requireDigest,
  type StoredArtifact,
  TRASH,
  type TrashedArtifact,
  throwMissing,
} from './artifacts.ts'
import { closeOnFailure, hashFile, writeAndHash } from './hashed-file.ts'
import { throttle } from './throttle.ts'

export interface FolderOptions {
  /** The milliseconds without a write after which an unfinished file is removed. Defaults to a day. */
  staleAfterMs?: number
}

/** Opens the artifact storage in a folder, which several processes may share. */
export async function openFolderStorage(
  dir: string,
  { staleAfterMs = DAY_MS }: FolderOptions = {},
): Promise<ArtifactStorage> {
  const root = resolve(dir)
  const [partials, trashed] = [join(root, 'partial'), join(root, TRASH)]
  for (const folder of [partials, trashed]) await mkdir(folder, { recursive: true })
  const sweep = throttle(HOUR_MS, () => sweepPartials(root, partials, Date.now() - staleAfterMs))
  const pathOf = (digest: string) => join(root, keyOf(digest))

  async function put(content: Content): Promise<Artifact> {
    const partial = join(partials, randomUUID())
    try {
      const artifact = await writeFile(partial, leaveReserve(content, { folder: partials, name: 'the artifacts' }))
      const path = pathOf(artifact.digest)
      if (await mkdir(dirname(path), { recursive: true })) await syncNames(root)
      // Replaces an existing file, which renews its date, so that a collection keeps it, and repairs a damaged one.
      await rename(partial, path)
      await syncNames(dirname(path))
      await sweep()
      return artifact
    } catch (error) {
      await rm(partial, { force: true })
      throw error
    }
  }

  async function get(digest: string): Promise<OpenArtifact> {
    if (!isDigest(digest)) throwMissing(digest)
    const file = await open(pathOf(digest), 'r').catch(ifMissing(() => throwMissing(digest)))
    return closeOnFailure(file, async () => {
      const read = await hashFile(file)
      requireDigest(digest, read)
      return { ...read, content: file.createReadStream({ start: 0 }) }
    })
  }

  async function* list(): AsyncGenerator<StoredArtifact> {
    for (const shard of await readdir(root))
      for (const name of /^[0-9a-f]{2}$/.test(shard) ? await readdir(join(root, shard)) : []) {
        const digest = digestFromKey(`${shard}/${name}`)
        const found = digest && (await stat(pathOf(digest)).catch(ifMissing(() => undefined)))
        if (found) yield { digest, bytes: found.size, putAt: found.mtime }
      }
  }

  async function remove(digest: string, when?: { putBefore: Date }): Promise<boolean> {
    if (!isDigest(digest)) return false
    const path = pathOf(digest)
    const isDue = async (at: string) => !when || (await stat(at)).mtime < when.putBefore
    try {
      if (!(await isDue(path))) return false
      // Moves the file away before checking its date again: a put at this moment is either seen now, or has written a
      // new file.
      const aside = join(partials, `${digest}.${randomUUID()}`)
      await rename(path, aside)
      if (await isDue(aside)) {
        await rm(aside)
        return true
      }
      await putBack(aside, path)
      return false
    } catch (error) {
      return ifMissing(() => false)(error as Error)
    }
  }

  async function* listTrash(): AsyncGenerator<TrashedArtifact> {
    for (const digest of (await readdir(trashed)).filter(isDigest)) {
      const found = await stat(join(trashed, digest)).catch(ifMissing(() => undefined))
      if (found) yield { digest, trashedAt: found.mtime }
    }
  }

  async function trash(digest: string): Promise<void> {
    if (isDigest(digest)) await (await open(join(trashed, digest), 'w')).close()
  }

  async function restore(digest: string): Promise<void> {
    if (isDigest(digest)) await rm(join(trashed, digest), { force: true })
  }

  return { put, get, list, remove, listTrash, trash, restore }
}

async function writeFile(path: string, content: Content): Promise<Artifact> {
  const file = await open(path, 'wx', 0o444)
  try {
    const artifact = await writeAndHash(file, content)
    await file.sync()
    return artifact
  } finally {
    await file.close()
  }
}

/** Makes the names in a folder durable. */
async function syncNames(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Removes files that killed processes left behind. A removal that did not finish is undone, because it had not checked
 * the date for the second time.
 */
async function sweepPartials(root: string, partials: string, staleSince: number): Promise<void> {
  for (const name of await readdir(partials)) {
    const path = join(partials, name)
    const [digest] = name.split('.')
    const found = await stat(path).catch(ifMissing(() => undefined))
    if (isDigest(digest)) await putBack(path, join(root, keyOf(digest)))
    else if (found && found.mtimeMs < staleSince) await rm(path, { force: true })
  }
}

async function putBack(aside: string, path: string): Promise<void> {
  await link(aside, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST' && error.code !== 'ENOENT') throw error
  })
  await rm(aside, { force: true })
}

/** Returns an error handler that returns a value if the file does not exist, and throws other errors. */
const ifMissing =
  <T>(value: () => T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return value()
    throw error
  }
