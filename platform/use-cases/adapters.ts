import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { fail, GraftError } from '../../core/errors.ts'
import { packFolder } from '../artifacts/pack-folder.ts'
import type { ArchiveLimits } from '../artifacts/unpack-folder.ts'
import { unpackFolder } from '../artifacts/unpack-folder.ts'
import { artifactPathNames, withRedactedPaths } from '../files/redact-paths.ts'
import type { Platform } from '../platform.ts'
import type { Adapter, AdapterList } from '../schemas/adapters.ts'
import type { PageRequest } from '../schemas/common.ts'
import { requireFreeAdapterName } from '../store/adapter-names.ts'
import { deleteAdapter, findAdapter, insertAdapter, selectAdapter, selectAdapterPage } from '../store/adapters.ts'
import { toAdapter } from './to-api.ts'

/** Lists adapters, newest first. */
export async function listAdapters({ store }: Platform, request: PageRequest = {}): Promise<AdapterList> {
  const page = await selectAdapterPage(store.db, request)
  return { ...page, data: page.data.map(toAdapter) }
}

/** @throws GraftError `adapter_unknown` */
export async function getAdapter({ store }: Platform, idOrName: string): Promise<Adapter> {
  return toAdapter(await selectAdapter(store.db, idOrName))
}

/** @throws GraftError `adapter_unknown`, `in_use` */
export async function removeAdapter({ store, engine }: Platform, idOrName: string): Promise<void> {
  const { artifact } = await deleteAdapter(store.db, idOrName)
  await engine.unload(artifact)
}

/**
 * Adds the adapter in an archive. The archive is unpacked, validated on the base and packed again.
 * @param content a tar file, gzipped or not, of an adapter's folder or of the files in it
 * @throws GraftError `name_taken`, or another code if the archive or the adapter is invalid; nothing is stored then
 */
export async function uploadAdapter(
  platform: Platform,
  name: string,
  content: AsyncIterable<Uint8Array>,
  limits: Partial<ArchiveLimits> = {},
): Promise<Adapter> {
  // The name is checked before the upload is read, and again when the adapter is inserted.
  await requireFreeAdapterName(platform.store.db, name)
  const tempDir = await mkdtemp(join(tmpdir(), 'graft-upload-'))
  try {
    const unpacked = join(tempDir, 'adapter')
    await unpackFolder(content, unpacked, limits)
    return await importAdapter(platform, name, await innermostFolder(unpacked))
  } catch (error) {
    // A 404 would blame the address of the request, but the file is missing from the archive.
    if (error instanceof GraftError && error.code === 'file_missing') fail('checkpoint_corrupt', error.detail, error)
    throw error
  } finally {
    await rm(tempDir, { recursive: true, force: true })
  }
}

/**
 * Adds the adapter in a folder on this machine.
 * @throws GraftError like {@link uploadAdapter}
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
    ...description
  } = await withRedactedPaths(artifactPathNames(cache, artifact, name), () => engine.load(artifact))
  const row = await insertAdapter(store.db, {
    ...description,
    name,
    labels: [...labels],
    ...(metrics && { metrics }),
    base_id: base.id,
    artifact,
    bytes,
  })
  return toAdapter(row)
}

/** An adapter's folder as a tar file. */
export interface AdapterArchive {
  /** The name of the adapter. */
  readonly name: string
  readonly bytes: number
  /** SHA-256 of the tar file. */
  readonly digest: string
  /** The caller must read it to the end or destroy it. */
  readonly content: Readable
}

/** @throws GraftError `adapter_unknown`, `artifact_corrupt` */
export async function downloadAdapter({ store, artifacts }: Platform, idOrName: string): Promise<AdapterArchive> {
  const { name, artifact } = await selectAdapter(store.db, idOrName)
  return { name, ...(await artifacts.get(artifact)) }
}

/**
 * Returns the folder with the files. `tar c film-lora` packs the folder itself, `tar c -C film-lora .` only its files.
 */
async function innermostFolder(dir: string): Promise<string> {
  const entries = await readdir(dir, { withFileTypes: true })
  return entries.length === 1 && entries[0].isDirectory() ? join(dir, entries[0].name) : dir
}

/**
 * Adds the adapter in a folder under the folder's name, unless the store already has it.
 * @throws GraftError `name_taken` if a different adapter has that name, or another code if the folder is invalid
 */
export async function ensureAdapter(platform: Platform, dir: string): Promise<Adapter> {
  const name = basename(resolve(dir))
  const known = await findAdapter(platform.store.db, name)
  if (!known) return importAdapter(platform, name, dir)
  const { digest } = await platform.artifacts.put(packFolder(dir))
  if (digest === known.artifact) return toAdapter(known)
  return fail('name_taken', {
    subject: dir,
    problem: `is different from the adapter ${name} in the store`,
    fix: `Remove that adapter with graft adapters remove ${name}, or rename the folder.`,
  })
}
