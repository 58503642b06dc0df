import { readdir, rename } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { findCheckpointFiles, isCheckpointFile, withoutCardAndHead } from '../../checkpoint/layouts.ts'
import { readManifest } from '../../checkpoint/manifest.ts'
import { fail, GraftError } from '../../core/errors.ts'
import { hashContent } from '../artifacts/hashed-file.ts'
import { packFolder } from '../artifacts/pack-folder.ts'
import { type ArchiveLimits, unpackFolder } from '../artifacts/unpack-folder.ts'
import { type PathNames, withRedactedPaths } from '../files/redact-paths.ts'
import type { Platform } from '../platform.ts'
import type { Adapter, AdapterList } from '../schemas/adapters.ts'
import type { PageRequest } from '../schemas/common.ts'
import { requireFreeAdapterName } from '../store/adapter-names.ts'
import {
  deleteAdapter,
  findAdapter,
  insertAdapter,
  isAdapterNeeded,
  selectAdapter,
  selectAdapterPage,
} from '../store/adapters.ts'
import { type BaseRow, selectBase } from '../store/bases.ts'
import { idempotent, type RequestKey } from '../store/idempotency.ts'
import { throwNameTaken } from '../store/throw-errors.ts'
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

/**
 * Deletes an adapter, and its copies in the memory and in the cache of this machine.
 * @throws GraftError `adapter_unknown`, `in_use`
 */
export async function removeAdapter({ store, engine, cache }: Platform, idOrName: string): Promise<void> {
  const deleted = await deleteAdapter(store.db, idOrName)
  if (await isAdapterNeeded(store.db, deleted)) return
  await engine.unload(deleted.artifact)
  await cache.remove(deleted.artifact)
}

/**
 * Adds the adapter in an archive. The archive is unpacked, validated on the base and packed again. A repeated upload of
 * the same files under the same name returns the adapter of the first.
 * @param content a tar file, gzipped or not, of an adapter's folder or of the files in it
 * @throws GraftError `base_unknown`, `base_mismatch`, `name_taken`, `overloaded`, `idempotency_conflict`, or another
 *   code if the archive or the adapter is invalid; nothing is stored then
 */
export async function uploadAdapter(
  platform: Platform,
  name: string,
  content: AsyncIterable<Uint8Array>,
  options: ImportOptions = {},
): Promise<Adapter> {
  const { db } = platform.store
  // The name is checked before the upload is read, and again when the adapter is inserted.
  if ((await findAdapter(db, name))?.name !== name) await requireFreeAdapterName(db, name)
  return platform.uploads.withFolder(async (folder) => {
    // No adapter has a name that begins with a dot.
    const unpacked = join(folder, '.unpacked')
    try {
      await unpackFolder(content, unpacked, limitsOf(platform), isPartOfCheckpoint)
      // Errors show the name of the folder.
      const dir = join(folder, name)
      await rename(await innermostFolder(unpacked), dir)
      return await importAdapter(platform, name, dir, options)
    } catch (error) {
      // A 404 would blame the address of the request, but the file is missing from the archive.
      if (error instanceof GraftError && error.code === 'file_missing') fail('checkpoint_corrupt', error.detail, error)
      throw error
    }
  })
}

const MIN_ARCHIVE_BYTES = 256 * 2 ** 20
/** Room for the tokenizer and the configuration beside the weights of a full model. */
const OTHER_BYTES = 64 * 2 ** 20

/** Returns the limits of an archive: twice a full model of a base, because other files may come with it. */
function limitsOf({ bases }: Platform): Partial<ArchiveLimits> {
  const limit = Math.max(MIN_ARCHIVE_BYTES, ...bases.map(({ bytes }) => 2 * bytes + OTHER_BYTES))
  return { fileBytes: limit, bytes: limit }
}

/** Returns whether a file of an archive may belong to its checkpoint, which is in one folder or in none. */
function isPartOfCheckpoint(path: string): boolean {
  const parts = path.split('/')
  return parts.length <= 2 && isCheckpointFile(parts[parts.length - 1])
}

export interface ImportOptions extends Partial<RequestKey> {
  /** The id or the name of a base that is served. Defaults to the one of the adapter, or to the default base. */
  base?: string
}

/** @throws GraftError `base_unknown`; `base_mismatch` if the server does not serve the base */
async function findServedBase({ store, bases }: Platform, named: string | undefined, dir: string): Promise<BaseRow> {
  if (named === undefined) {
    if (bases.length === 1) return bases[0]
    const { base } = (await readManifest(dir)) ?? {}
    return bases.find(({ fingerprint }) => fingerprint === base?.fingerprint) ?? bases[0]
  }
  const { id, name } = await selectBase(store.db, named)
  return (
    bases.find((served) => served.id === id) ??
    fail('base_mismatch', {
      subject: 'base',
      expected: bases.map((served) => served.name).join(' or '),
      found: name,
      fix: `Start the server with that base as well: graft serve --base ${name}.`,
    })
  )
}

/**
 * Adds the adapter in a folder on this machine, without files that are not part of it. Nothing is stored before the
 * adapter has been validated.
 * @throws GraftError like {@link uploadAdapter}
 */
export async function importAdapter(
  platform: Platform,
  name: string,
  dir: string,
  { owner = '', key, base: baseName }: ImportOptions = {},
): Promise<Adapter> {
  const { store, artifacts, engine } = platform
  const folder = resolve(dir)
  const files = await withRedactedPaths([[folder, name]], () => findCheckpointFiles(folder))
  const { digest: artifact, bytes } = await hashContent(packFolder(folder, files))
  const known = await findAdapter(store.db, name)
  if (known?.name === name)
    return (await isPackedAs(known.artifact, folder, files)) ? toAdapter(known) : throwNameTaken('adapter', name)
  const pathNames: PathNames = [
    [folder, name],
    [artifact, name],
  ]
  const base = await findServedBase(platform, baseName, folder)
  const load = () => engine.load(artifact, folder, base.id)
  const { metrics, labels, base: _, bytes: __, ...description } = await withRedactedPaths(pathNames, load)
  await requireFreeAdapterName(store.db, name)
  await artifacts.put(packFolder(folder, files))
  const adapter = {
    ...description,
    name,
    labels: [...labels],
    ...(metrics && { metrics }),
    base_id: base.id,
    artifact,
    bytes,
  }
  const request = { name, artifact }
  return idempotent(store.db, { owner, operation: 'add_adapter', key, request }, async (tx) =>
    toAdapter(await insertAdapter(tx, adapter)),
  )
}

/** Returns whether an artifact has these files of a folder, or those of them that earlier versions of Graft kept. */
async function isPackedAs(artifact: string, dir: string, files: readonly string[]): Promise<boolean> {
  for (const names of [files, withoutCardAndHead(files)])
    if ((await hashContent(packFolder(dir, names))).digest === artifact) return true
  return false
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
  if (await isPackedAs(known.artifact, dir, await findCheckpointFiles(dir))) return toAdapter(known)
  return fail('name_taken', {
    subject: dir,
    problem: `is different from the adapter ${name} in the store`,
    fix: `Remove that adapter with graft adapters remove ${name}, or rename the folder.`,
  })
}
