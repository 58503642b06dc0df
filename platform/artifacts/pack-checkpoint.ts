import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { findCheckpointFiles } from '../../checkpoint/layouts.ts'
import { packFiles } from './pack-folder.ts'

/** Packs the files of a checkpoint, which may be links, without others that are in its folder. */
export async function packCheckpoint(dir: string): Promise<Readable> {
  const names = await findCheckpointFiles(dir)
  return packFiles(Object.fromEntries(names.map((name) => [name, join(dir, name)])))
}
