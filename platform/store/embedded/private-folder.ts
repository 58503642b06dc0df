import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs'

/** The bits of a mode that let the group or others in. */
const OTHERS = 0o077
/** The bit of a folder such as /tmp that everyone shares on purpose. */
const STICKY = 0o1000

/**
 * Creates a folder that only its owner can enter, whatever the umask, or corrects an existing one. A folder of another
 * user stays as it is, with a warning, because only its owner may change it.
 */
export function makePrivate(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { mode } = statSync(folder)
  if ((mode & OTHERS) === 0 || (mode & STICKY) !== 0) return
  try {
    chmodSync(folder, 0o700)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
    process.emitWarning(`${folder} belongs to another user, and others on this machine can enter it`)
  }
}

/** The owner of new files, if it is not the user of this process. */
export interface FileOwner {
  readonly uid?: number
  readonly gid?: number
}

export function giveTo(path: string, { uid, gid }: FileOwner): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
}
