import type { WorkResult } from '../schemas/work.ts'
import { workOnce } from './worker.ts'
import type { WorkerOptions } from './worker-options.ts'

/** The time to save a state, to upload it and to requeue the training. */
const MARGIN_MS = 30_000

/**
 * Does what {@link workOnce} does, and returns before the time is over: half a minute earlier, it saves the state of a
 * running training and requeues it. If there is less than a minute in all, half of that is left to save.
 * @param milliseconds after which a platform would end this process, or a caller would stop waiting
 * @param signal ends the work earlier
 */
export function workWithin(options: WorkerOptions, milliseconds: number, signal?: AbortSignal): Promise<WorkResult> {
  const limit = AbortSignal.timeout(Math.max(0, Math.floor(milliseconds - Math.min(MARGIN_MS, milliseconds / 2))))
  return workOnce(options, signal ? AbortSignal.any([signal, limit]) : limit)
}
