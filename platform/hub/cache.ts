import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type HubName, type HubOrigin, isCommit, repoFolder, snapshotFolder } from '../../checkpoint/hub-name.ts'
import { writeNewFile } from '../../checkpoint/write-folder.ts'
import { lockFile } from '../../core/file-lock.ts'

const LOCK_INTERVAL_MS = 200

/** Returns the path at which the content with a digest is kept. */
export const blobPath = (cache: string, repo: string, digest: string): string =>
  join(repoFolder(cache, repo), 'blobs', digest)

const refPath = (cache: string, { repo, revision }: HubName): string =>
  join(repoFolder(cache, repo), 'refs', ...revision.split('/'))

/** Returns the commit that a revision had when it was last downloaded, or undefined. */
export async function findCachedCommit(cache: string, name: HubName): Promise<string | undefined> {
  if (isCommit(name.revision)) return name.revision
  const commit = await readFile(refPath(cache, name), 'utf8').catch(() => '')
  return isCommit(commit.trim()) ? commit.trim() : undefined
}

/** Records the commit of a branch or a tag. */
export async function writeRef(cache: string, name: HubName, commit: string): Promise<void> {
  if (isCommit(name.revision)) return
  await replace(refPath(cache, name), (partial) => writeNewFile(partial, commit))
}

/** Adds content to the folder of a commit: as a link, or as a copy if the system has no links. */
export async function addToSnapshot(cache: string, origin: HubOrigin, file: string, digest: string): Promise<void> {
  const blob = blobPath(cache, origin.repo, digest)
  const path = join(snapshotFolder(cache, origin), file)
  if ((await sizeOf(path)) === (await sizeOf(blob))) return
  await replace(path, (partial) =>
    symlink(relative(dirname(path), blob), partial).catch((error: NodeJS.ErrnoException) => {
      if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(error.code ?? '')) throw error
      return copyFile(blob, partial)
    }),
  )
}

/** Returns the size of a file, or undefined if it does not exist. */
export const sizeOf = (path: string): Promise<number | undefined> =>
  stat(path).then(
    ({ size }) => size,
    () => undefined,
  )

/** Makes a file beside its path and renames it, so that no reader sees half of it. */
async function replace(path: string, make: (partial: string) => Promise<void>): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`
  await mkdir(dirname(path), { recursive: true })
  try {
    await make(partial)
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

/**
 * Runs work that only one process of Graft at a time may do for a repository of a cache.
 * @param onWait called once if another process does it at the moment
 */
export async function withRepoLock<T>(
  cache: string,
  repo: string,
  work: () => Promise<T>,
  onWait: () => void,
): Promise<T> {
  const folder = repoFolder(join(cache, '.locks'), repo)
  await mkdir(folder, { recursive: true })
  for (let waits = false; ; waits = true) {
    const unlock = lockFile(join(folder, 'graft.lock'))
    if (unlock) return work().finally(unlock)
    if (!waits) onWait()
    await delay(LOCK_INTERVAL_MS)
  }
}
