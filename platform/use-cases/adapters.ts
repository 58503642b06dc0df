import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { fail, GraftError } from '../../core/errors.ts'
import { packFolder } from '../artifacts/pack-folder.ts'
import type { ArchiveLimits } from '../artifacts/unpack-folder.ts'
import { unpackFolder } from '../artifacts/unpack-folder.ts'
import { hidingPaths, namesOf } from '../files/hide-paths.ts'
import type { Platform } from '../platform.ts'
import type { Adapter, AdapterList } from '../schemas/adapters.ts'
import type { PageRequest } from '../schemas/common.ts'
import { requireFreeAdapterName } from '../store/adapter-names.ts'
import * as rows from '../store/adapters.ts'
import { shownAdapter } from './to-api.ts'

/** All adapters, the newest first. */
export async function listAdapters({ store }: Platform, request: PageRequest = {}): Promise<AdapterList> {
  const page = await rows.listAdapters(store.db, request)
  return { ...page, data: page.data.map(shownAdapter) }
}

/** @throws GraftError `adapter_unknown` */
export async function getAdapter({ store }: Platform, idOrName: string): Promise<Adapter> {
  return shownAdapter(await rows.getAdapter(store.db, idOrName))
}

/** @throws GraftError `adapter_unknown`, `in_use` */
export async function deleteAdapter({ store, engine }: Platform, idOrName: string): Promise<void> {
  const { artifact } = await rows.deleteAdapter(store.db, idOrName)
  await engine.forget(artifact)
}

/**
 * Adds the adapter of a packed folder, after it was unpacked, checked on the base and packed anew.
 * @param content a tar file, gzipped or not, of the folder or of what is in it
 * @throws GraftError `name_taken`, what is wrong with the archive or with the adapter; nothing is kept then
 */
export async function uploadAdapter(
  platform: Platform,
  name: string,
  content: AsyncIterable<Uint8Array>,
  limits: Partial<ArchiveLimits> = {},
): Promise<Adapter> {
  // Before the upload is read, not only after.
  await requireFreeAdapterName(platform.store.db, name)
  const place = await mkdtemp(join(tmpdir(), 'graft-upload-'))
  try {
    const unpacked = join(place, 'adapter')
    await unpackFolder(content, unpacked, limits)
    return await importAdapter(platform, name, await innermost(unpacked))
  } catch (error) {
    // The address was right; it is the folder that lacks a file.
    if (error instanceof GraftError && error.code === 'file_missing') fail('checkpoint_corrupt', error.detail, error)
    throw error
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

/**
 * Adds the adapter in a folder of this machine.
 * @throws GraftError as {@link uploadAdapter}
 */
export async function importAdapter(
  { store, artifacts, engine, cache, base }: Platform,
  name: string,
  dir: string,
): Promise<Adapter> {
  const { digest: artifact, bytes } = await artifacts.put(packFolder(dir))
  const {
    metrics,
    labels,
    base: _,
    bytes: __,
    ...described
  } = await hidingPaths(namesOf(cache, artifact, name), () => engine.load(artifact))
  const row = await rows.createAdapter(store.db, {
    ...described,
    name,
    labels: [...labels],
    ...(metrics && { metrics }),
    base_id: base.id,
    artifact,
    bytes,
  })
  return shownAdapter(row)
}

/** What is to be read of an adapter's folder. */
export interface AdapterArchive {
  /** For the file that it becomes. */
  readonly name: string
  readonly bytes: number
  /** SHA-256 of the tar file. */
  readonly digest: string
  /** To be read to its end or destroyed. */
  readonly content: Readable
}

/** @throws GraftError `adapter_unknown`, `artifact_corrupt` */
export async function downloadAdapter({ store, artifacts }: Platform, idOrName: string): Promise<AdapterArchive> {
  const { name, artifact } = await rows.getAdapter(store.db, idOrName)
  return { name, ...(await artifacts.get(artifact)) }
}

/** `tar c film-lora` packs the folder itself, `tar c -C film-lora .` what is in it. */
async function innermost(dir: string): Promise<string> {
  const entries = await readdir(dir, { withFileTypes: true })
  return entries.length === 1 && entries[0].isDirectory() ? join(dir, entries[0].name) : dir
}

/**
 * Adds the adapter of a folder under the folder's name, unless the store has it already.
 * @throws GraftError `name_taken` where another adapter has that name; what is wrong with the folder
 */
export async function ensureAdapter(platform: Platform, dir: string): Promise<Adapter> {
  const name = basename(resolve(dir))
  const known = await rows.findAdapter(platform.store.db, name)
  if (!known) return importAdapter(platform, name, dir)
  const { digest } = await platform.artifacts.put(packFolder(dir))
  if (digest === known.artifact) return shownAdapter(known)
  return fail('name_taken', {
    subject: dir,
    expected: `the adapter ${name} that the store has`,
    found: 'another one',
    fix: `Remove that one (graft adapters remove ${name}), or rename the folder.`,
  })
}
