import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import type { BaseRow } from '../store/bases.ts'
import type { ArtifactCache } from './cache.ts'

/** Where the files of a base lie on this machine. */
export async function baseFolderOf({ artifact }: Pick<BaseRow, 'artifact'>, cache: ArtifactCache): Promise<string> {
  return artifact === null ? embeddedBase : cache.folder(artifact)
}
