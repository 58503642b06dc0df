import { readFileSync } from 'node:fs'

/** Returns the bytes that a process has in memory, as the kernel counts them: now (`VmRSS`), or at most (`VmHWM`). */
export const memoryOf = (pid: number | 'self', field: 'VmRSS' | 'VmHWM'): number =>
  1024 * Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)

/** Returns the peak of this process in the unit of the peers' `peak_rss_mb`, which is 2^20 bytes. */
export const peakMegabytes = (): number => memoryOf('self', 'VmHWM') / 2 ** 20
