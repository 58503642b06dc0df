import { fromPlain, GraftError, toPlain } from '../core/errors.ts'

/** Paths of this machine, each with what others call what lies there. */
export type PathNames = readonly (readonly [path: string, name: string])[]

/** The error without the paths: it is kept for people who know nothing of this machine. Other errors stay as they are. */
export function hidePaths(error: unknown, names: PathNames): unknown {
  if (!(error instanceof GraftError)) return error
  const hide = (text: string) => names.reduce((shown, [path, name]) => shown.replaceAll(path, name), text)
  const { subject, expected, found, mend, ...rest } = toPlain(error)
  return fromPlain({ ...rest, subject: hide(subject), expected: hide(expected), found: hide(found), mend: hide(mend) })
}

/** Does work on files of this machine for somebody who calls them otherwise. @throws what it throws, without the paths */
export async function hidingPaths<T>(names: PathNames, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw hidePaths(error, names)
  }
}
