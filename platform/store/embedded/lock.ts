import { setTimeout as sleep } from 'node:timers/promises'
import { fail } from '../../../core/errors.ts'
import { lockFile } from '../../../core/file-lock.ts'
import { type FileOwner, giveTo } from './private-folder.ts'

const POLL_INTERVAL_MS = 10
/** Longer than anything that is done with a lock on a busy machine. */
const WITHIN_MS = 180_000

/**
 * Runs work while no other process has the lock, and waits for it. The operating system releases the lock of a process
 * that is killed.
 * @throws GraftError `store_locked` after three minutes
 */
export async function withLock<T>(path: string, owner: FileOwner, work: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + WITHIN_MS; ; await sleep(POLL_INTERVAL_MS)) {
    const unlock = lockFile(path)
    if (unlock) {
      try {
        giveTo(path, owner)
        return await work()
      } finally {
        unlock()
      }
    }
    if (Date.now() > deadline)
      fail('store_locked', {
        subject: path,
        problem: 'has been locked by another process for three minutes',
        fix: 'Stop the other processes of Graft that use this folder, and try again.',
      })
  }
}
