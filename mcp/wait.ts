import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { isUnderWay, type TrainingStatus } from '../platform/schemas/statuses.ts'
import type { Call } from './tool.ts'

/** Seconds in a call, at most: clients give calls up after about a minute. */
export const LONGEST = 30

/** Milliseconds between looks. */
const EVERY = 500

const WAIT = `a number of seconds from 0 to ${LONGEST}`

export const waitSeconds = z.number(WAIT).min(0, WAIT).max(LONGEST, WAIT).describe(`at most ${LONGEST}`)

/**
 * Looks at a piece of work until it is over or paused, or as it is when that takes too long.
 * @param seen told of each look
 */
export async function waited<T extends { status: TrainingStatus }>(
  look: () => Promise<T>,
  seconds: number,
  { signal, closing }: Pick<Call, 'signal' | 'closing'>,
  seen: (thing: T) => Promise<void> = async () => {},
): Promise<T> {
  const until = performance.now() + seconds * 1000
  const enough = AbortSignal.any([signal, closing])
  for (;;) {
    const thing = await look()
    await seen(thing)
    const left = until - performance.now()
    if (left <= 0 || enough.aborted || !isUnderWay(thing)) return thing
    await sleep(Math.min(EVERY, left), undefined, { signal: enough }).catch(() => {})
  }
}
