import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type Base, formatHubManifest } from '../../checkpoint/base.ts'
import { listFolder } from '../../checkpoint/files.ts'
import { BASE_LIMITS } from '../../checkpoint/limits.ts'
import { findModelFiles, modelSettings } from '../../checkpoint/model-folder.ts'
import { packFiles, packFolder } from './pack-folder.ts'

/**
 * Packs the folder of a base. A folder in the cache of the hub consists of links, and other programs may have added
 * files for other libraries. So only the files of the base are packed, with a file that names the origin.
 */
export async function packBase({ dir, hub }: Pick<Base, 'dir' | 'hub'>): Promise<Readable> {
  if (!hub) return packFolder(dir)
  const present = await listFolder(dir)
  const names = [...modelSettings.filter((name) => present.has(name)), ...(await findModelFiles(dir, BASE_LIMITS))]
  return packFiles(Object.fromEntries(names.map((name) => [name, join(dir, name)])), formatHubManifest(hub))
}
