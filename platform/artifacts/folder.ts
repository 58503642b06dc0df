import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import {
  type Artifact,
  type Artifacts,
  type Content,
  digestOf,
  isDigest,
  type KeptArtifact,
  keyOf,
  missing,
  type OpenArtifact,
  requireSame,
} from './artifacts.ts'
import { closedOnFailure, readHashed, writeHashed } from './hashed-file.ts'
import { atMostEvery, DAY, HOUR } from './now-and-then.ts'

export interface FolderOptions {
  /** After how many milliseconds without a write an unfinished file counts as left over. */
  staleAfter?: number
}

/** Keeps artifacts in a folder; several processes may share it. */
export async function folderArtifacts(dir: string, { staleAfter = DAY }: FolderOptions = {}): Promise<Artifacts> {
  const root = resolve(dir)
  const partials = join(root, 'partial')
  await mkdir(partials, { recursive: true })
  const sweep = atMostEvery(HOUR, () => sweepPartials(root, partials, Date.now() - staleAfter))
  const pathOf = (digest: string) => join(root, keyOf(digest))

  async function put(content: Content): Promise<Artifact> {
    const partial = join(partials, randomUUID())
    try {
      const artifact = await writeFile(partial, content)
      const path = pathOf(artifact.digest)
      if (await mkdir(dirname(path), { recursive: true })) await flush(root)
      // Over what may be there: that renews its date, without which collection might remove it, and fixes it where it is damaged.
      await rename(partial, path)
      await flush(dirname(path))
      await sweep()
      return artifact
    } catch (error) {
      await rm(partial, { force: true })
      throw error
    }
  }

  async function get(digest: string): Promise<OpenArtifact> {
    if (!isDigest(digest)) missing(digest)
    const file = await open(pathOf(digest), 'r').catch(absent(() => missing(digest)))
    return closedOnFailure(file, async () => {
      const read = await readHashed(file)
      requireSame(digest, read)
      return { ...read, content: file.createReadStream({ start: 0 }) }
    })
  }

  async function* list(): AsyncGenerator<KeptArtifact> {
    for (const shard of await readdir(root))
      for (const name of /^[0-9a-f]{2}$/.test(shard) ? await readdir(join(root, shard)) : []) {
        const digest = digestOf(`${shard}/${name}`)
        const found = digest && (await stat(pathOf(digest)).catch(absent(() => undefined)))
        if (found) yield { digest, bytes: found.size, putAt: found.mtime }
      }
  }

  async function remove(digest: string, when?: { putBefore: Date }): Promise<boolean> {
    if (!isDigest(digest)) return false
    const path = pathOf(digest)
    const isDue = async (at: string) => !when || (await stat(at)).mtime < when.putBefore
    try {
      if (!(await isDue(path))) return false
      // Taken aside before the date is read for good: a put in this moment either is seen now or has a new file in place.
      const aside = join(partials, `${digest}.${randomUUID()}`)
      await rename(path, aside)
      if (await isDue(aside)) {
        await rm(aside)
        return true
      }
      await putBack(aside, path)
      return false
    } catch (error) {
      return absent(() => false)(error as Error)
    }
  }

  return { put, get, list, remove }
}

async function writeFile(path: string, content: Content): Promise<Artifact> {
  const file = await open(path, 'wx', 0o444)
  try {
    const artifact = await writeHashed(file, content)
    await file.sync()
    return artifact
  } finally {
    await file.close()
  }
}

/** Waits until a folder's list of names is on the disk. */
async function flush(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Removes what processes that died left behind; a removal that was not finished is undone, since its date was not yet read for good. */
async function sweepPartials(root: string, partials: string, staleSince: number): Promise<void> {
  for (const name of await readdir(partials)) {
    const path = join(partials, name)
    const [digest] = name.split('.')
    const found = await stat(path).catch(absent(() => undefined))
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

/** What to answer where there is no such file; other failures go on. */
const absent =
  <T>(answer: () => T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return answer()
    throw error
  }
