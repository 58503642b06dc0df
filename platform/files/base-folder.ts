import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import type { BaseRow } from '../store/bases.ts'
import type { ArtifactCache } from './cache.ts'

/** Returns the folder of a base on this machine, downloading it if needed. */
export async function fetchBaseFolder({ artifact }: Pick<BaseRow, 'artifact'>, cache: ArtifactCache): Promise<string> {
  return artifact === null ? embeddedBase : cache.folder(artifact)
}
