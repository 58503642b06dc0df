import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { isActive, type TrainingStatus } from '../platform/schemas/statuses.ts'
import type { CallContext } from './tool.ts'

/** The longest wait in one call. Clients give up on a call after about a minute. */
export const MAX_WAIT_SECONDS = 30

const POLL_INTERVAL_MS = 500

const WAIT_RULE = `a number of seconds from 0 to ${MAX_WAIT_SECONDS}`

export const waitSeconds = z
  .number(WAIT_RULE)
  .min(0, WAIT_RULE)
  .max(MAX_WAIT_SECONDS, WAIT_RULE)
  .describe(`Seconds to wait for the work to end, from 0 to ${MAX_WAIT_SECONDS}.`)

/**
 * Polls a training or a comparison until it ends or pauses, or until the time is up. Returns its last polled value.
 * @param onPoll called with each polled value
 */
export async function pollUntilDone<T extends { status: TrainingStatus }>(
  get: () => Promise<T>,
  seconds: number,
  { signal, shutdown }: Pick<CallContext, 'signal' | 'shutdown'>,
  onPoll: (work: T) => Promise<void> = async () => {},
): Promise<T> {
  const deadline = performance.now() + seconds * 1000
  const stop = AbortSignal.any([signal, shutdown])
  for (;;) {
    const work = await get()
    await onPoll(work)
    const left = deadline - performance.now()
    if (left <= 0 || stop.aborted || !isActive(work)) return work
    await sleep(Math.min(POLL_INTERVAL_MS, left), undefined, { signal: stop }).catch(() => {})
  }
}
