import { execFileSync } from 'node:child_process'

/** True if the tests run as root, and so can act as another user. */
const isRoot = process.getuid?.() === 0

/** Gives a folder to the user that runs an image or a function in the tests, if that is not the user of the tests. */
export function giveToUser(folder: string): void {
  if (isRoot) execFileSync('chown', ['-R', '1000:1000', folder])
}
