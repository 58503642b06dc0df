import { setPriority } from 'node:os'

/**
 * Makes the system prefer other processes and threads to this one where both need the processor.
 * @param pid a process; on Linux, 0 is the calling thread
 * @param niceness from 1 to 19: an ordinary process gets about 1.25 to the power of it as much time
 */
export function giveWay(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness)
  } catch {
    // The process has exited already, or a sandbox does not allow it.
  }
}
