import { GraftError, mapTexts } from '../../core/errors.ts'
import type { ArtifactCache } from './cache.ts'

/** Paths of this machine, each with what others call what lies there. */
export type PathNames = readonly (readonly [path: string, name: string])[]

/** The error without the paths: it is kept for people who know nothing of this machine. Other errors stay as they are. */
export function hidePaths(error: unknown, names: PathNames): unknown {
  if (!(error instanceof GraftError)) return error
  const hide = (text: string) => names.reduce((shown, [path, name]) => shown.replaceAll(path, name), text)
  return new GraftError(error.code, mapTexts(error.detail, hide))
}

/** What to call an artifact's files, and its digest where an error speaks of that. */
export const namesOf = ({ pathOf }: Pick<ArtifactCache, 'pathOf'>, digest: string, name: string): PathNames => [
  [pathOf(digest), name],
  [digest, name],
]

/** Does work on files of this machine for somebody who calls them otherwise. @throws what it throws, without the paths */
export async function hidingPaths<T>(names: PathNames, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw hidePaths(error, names)
  }
}
