import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../../core/errors.ts'

const OWNER_FILE = 'owner.pid'

/**
 * Requires that no other running process trains in a state folder, because both would overwrite each other's state. The
 * name of a process that was killed is ignored.
 * @throws GraftError `state_mismatch`
 */
export function requireNoOtherOwner(folder: string): void {
  const path = join(folder, OWNER_FILE)
  const owner = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const pid = Number.parseInt(owner, 10)
  if (pid > 0 && pid !== process.pid && identifyProcess(pid) === owner)
    fail('state_mismatch', {
      subject: folder,
      problem: `is in use by another training, process ${pid}`,
      fix: 'Wait until it has finished, or stop it.',
    })
}

/** Makes this process the owner of a state folder. */
export function claimFolder(folder: string): void {
  writeFileSync(join(folder, OWNER_FILE), identifyProcess(process.pid) ?? '')
}

export function releaseFolder(folder: string): void {
  rmSync(join(folder, OWNER_FILE), { force: true })
}

/**
 * Returns a name for a process: its number and, on Linux, the tick at which it started, because numbers are reused, and
 * in a container soon. Undefined if there is no such process, or only a zombie.
 */
function identifyProcess(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined
  }
  try {
    // Fields 3 and 22 of proc_pid_stat(5). Field 2, in parentheses, may contain spaces.
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return 'ZX'.includes(fields[0]) ? undefined : `${pid} ${fields[19]}`
  } catch {
    return String(pid)
  }
}
