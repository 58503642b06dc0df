import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { originOfFolder, requireHubName } from '../../checkpoint/hub-name.ts'
import { packCheckpoint } from '../artifacts/pack-checkpoint.ts'
import { packFolder } from '../artifacts/pack-folder.ts'
import { unpackFolder } from '../artifacts/unpack-folder.ts'
import { adapterPlan } from '../hub/adapter-plan.ts'
import { fetchNamed } from '../hub/fetch-named.ts'
import type { HubListener } from '../hub/fetch-snapshot.ts'
import type { Pushed } from '../hub/push-folder.ts'

/**
 * Packs the folder of an adapter. One on the hub is downloaded first.
 * @param source a folder, or a name on the hub
 * @returns the name of the folder or of the repository, and the archive
 * @throws GraftError the errors of {@link fetchNamed}
 */
export async function packAdapter(source: string, listener: HubListener): Promise<{ name: string; content: Readable }> {
  const dir = await fetchNamed(source, adapterPlan, listener)
  if (dir === source) return { name: basename(resolve(source)), content: packFolder(source) }
  return { name: basename(originOfFolder(dir)?.repo ?? dir), content: await packCheckpoint(dir) }
}

interface PushRequest {
  /** The name of the adapter, for the title of the commit. */
  name: string
  /** Returns the archive of its folder. */
  download(): Promise<AsyncIterable<Uint8Array>>
  /** The name of the repository on the hub. */
  target: string
  /** The branch. Defaults to the one in `target`, or else to main. */
  revision?: string
  isPrivate?: boolean
}

/**
 * Uploads the folder of an adapter to the hub as one commit.
 * @throws GraftError `usage` if the target is not a name on the hub; the errors of {@link pushFolder}
 */
export async function pushAdapter(
  { name, download, target, revision, isPrivate }: PushRequest,
  listener: HubListener,
): Promise<Pushed> {
  const repo = requireHubName(revision === undefined ? target : `${target}@${revision}`)
  const folder = await mkdtemp(join(tmpdir(), 'graft-push-'))
  try {
    const dir = join(folder, name)
    await unpackFolder(await download(), dir)
    // The library of the hub takes a while to load.
    const { pushFolder } = await import('../hub/push-folder.ts')
    return await pushFolder(dir, repo, { title: `Upload ${name}`, isPrivate }, listener)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
