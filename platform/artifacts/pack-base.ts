import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type Base, formatBaseManifest } from '../../checkpoint/base.ts'
import { listFolder } from '../../checkpoint/files.ts'
import { BASE_LIMITS } from '../../checkpoint/limits.ts'
import { findModelFiles, modelSettings } from '../../checkpoint/model-folder.ts'
import { packFiles } from './pack-folder.ts'

/**
 * Packs the files of a base, which may be links, without others that are in its folder, such as those of other
 * libraries. A file names the base, because a copy is in a folder of another name.
 */
export async function packBase(base: Pick<Base, 'dir' | 'name' | 'hub' | 'labelWords'>): Promise<Readable> {
  const { dir } = base
  const present = await listFolder(dir)
  const names = [...modelSettings.filter((name) => present.has(name)), ...(await findModelFiles(dir, BASE_LIMITS))]
  return packFiles(Object.fromEntries(names.map((name) => [name, join(dir, name)])), formatBaseManifest(base))
}
