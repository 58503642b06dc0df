import { GraftError, mapTexts } from '../../core/errors.ts'
import type { ArtifactCache } from './cache.ts'

/** Paths of this machine, each with the name under which users know the file. */
export type PathNames = readonly (readonly [path: string, name: string])[]

/**
 * Returns the error with each path replaced by its name, because users do not know the paths of this machine. Leaves
 * other errors unchanged.
 */
export function redactPaths(error: unknown, names: PathNames): unknown {
  if (!(error instanceof GraftError)) return error
  const redact = (text: string) => names.reduce((redacted, [path, name]) => redacted.replaceAll(path, name), text)
  return new GraftError(error.code, mapTexts(error.detail, redact))
}

/** Returns the names that replace the path and the digest of an artifact in errors. */
export const artifactPathNames = (
  { pathOf }: Pick<ArtifactCache, 'pathOf'>,
  digest: string,
  name: string,
): PathNames => [
  [pathOf(digest), name],
  [digest, name],
]

/** Does work on files of this machine. @throws the error of the work, with its paths redacted */
export async function withRedactedPaths<T>(names: PathNames, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw redactPaths(error, names)
  }
}
