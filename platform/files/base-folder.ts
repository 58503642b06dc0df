import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import { fail } from '../../core/errors.ts'
import { type BaseRow, EMBEDDED } from '../store/bases.ts'
import type { ArtifactCache } from './cache.ts'

/**
 * Returns the folder of a base on this machine, downloading it if needed.
 * @throws GraftError `base_mismatch` if it is the embedded base of another version of Graft
 */
export async function fetchBaseFolder(
  { name, artifact }: Pick<BaseRow, 'name' | 'artifact'>,
  cache: ArtifactCache,
): Promise<string> {
  if (artifact !== null) return cache.folder(artifact)
  if (name === EMBEDDED) return embeddedBase
  return fail('base_mismatch', {
    subject: name,
    problem: 'is the embedded base of another version of Graft, so this version does not have its files',
    fix: 'Start a new training on the embedded base, or use that version of Graft.',
  })
}
