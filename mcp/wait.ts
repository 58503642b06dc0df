import { z } from 'zod'
import { fail } from '../core/errors.ts'
import { unlessAborted } from '../core/unless-aborted.ts'
import { isActive, type TrainingStatus } from '../platform/schemas/statuses.ts'
import type { CallContext } from './tool.ts'

/** The longest wait in one call. Clients give up on a call after about a minute. */
export const MAX_WAIT_SECONDS = 30

const WAIT_RULE = `a number of seconds from 0 to ${MAX_WAIT_SECONDS}`

export const waitSeconds = z.number(WAIT_RULE).min(0, WAIT_RULE).max(MAX_WAIT_SECONDS, WAIT_RULE)

/**
 * Polls work until it ends or pauses, or until the time is up. Returns its last polled value.
 * @param work its current value
 * @param poll returns its value as the next poll finds it
 * @param onPoll called with each value
 */
export async function pollUntilDone<T extends { id: string; status: TrainingStatus }>(
  work: T,
  poll: (id: string) => Promise<T>,
  seconds: number,
  { signal, shutdown }: Pick<CallContext, 'signal' | 'shutdown'>,
  onPoll: (work: T) => Promise<void> = async () => {},
): Promise<T> {
  const stop = AbortSignal.any([signal, shutdown, AbortSignal.timeout(seconds * 1000)])
  let latest = work
  for (;;) {
    await onPoll(latest)
    if (stop.aborted || seconds === 0 || !isActive(latest)) return latest
    try {
      latest = await unlessAborted(poll(latest.id), stop)
    } catch (error) {
      if (!stop.aborted) throw error
    }
  }
}

/**
 * Polls work like {@link pollUntilDone}, for a tool whose calls may be tasks. A client that accepts tasks gets a task
 * at once and polls it.
 */
export const pollUnlessTask = <T extends { id: string; status: TrainingStatus }>(
  work: T,
  poll: (id: string) => Promise<T>,
  seconds: number,
  context: CallContext,
): Promise<T> => pollUntilDone(work, poll, context.acceptsTasks ? 0 : seconds, context)

/**
 * Throws for a call that names neither work to wait for nor everything that new work needs.
 * @param needed the arguments of new work, of which at least one is not set
 * @param work the work with its article, such as `a comparison`
 */
export function throwNothingToDo(needed: Readonly<Record<string, unknown>>, work: string): never {
  const names = Object.keys(needed)
  const missing = names.find((name) => needed[name] === undefined) as string
  const noun = work.replace(/^an? /, '')
  fail('body_invalid', {
    subject: missing,
    expected: `${names.join(' and ')}, or the id of ${work}`,
    found: 'nothing',
    fix: `Pass ${names.join(' and ')}, or only ${noun}.`,
  })
}
