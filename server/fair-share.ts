import { MINUTE_MS } from '../core/durations.ts'
import { fail } from '../core/errors.ts'
import { isFairShare } from '../core/fair-share.ts'

/** The one whom a limit counts. */
export interface Requester {
  /** The id of its key or, without keys, its address. */
  id: string
  hasKey: boolean
}

/** Returns how errors name the requester. */
export const subjectOf = ({ hasKey }: Requester): string => (hasKey ? 'the key' : 'the address')

/** An amount that requesters hold while their requests last, such as places or bytes. */
export interface FairShare {
  /**
   * Takes an amount for a requester.
   * @returns a function that gives the amount back; only its first call has an effect
   * @throws GraftError `overloaded` if too little is left, or if the requester would hold more than its share
   */
  take(requester: Requester, amount: number): () => void
}

export interface FairShareOptions {
  /** The amount that all requesters together may hold. */
  capacity: number
  /** The things that are held, such as `requests in progress`. */
  noun: string
  /** How to fix a request that is rejected. */
  fix: string
}

/** The time for which a requester counts as present after its last request. */
const PRESENCE_MS = MINUTE_MS

/**
 * Makes a limit that no requester can use up: {@link isFairShare} has the rule. A requester is by
 * itself if nobody else holds anything and nobody else has made a request within a minute.
 */
export function makeFairShare({ capacity, noun, fix }: FairShareOptions): FairShare {
  const held = new Map<string, number>()
  let used = 0
  /** The two requesters that were seen last, the newest first. */
  let seen: { id: string; at: number }[] = []

  const isOnly = (id: string, own: number): boolean =>
    used === own && !seen.some((other) => other.id !== id && performance.now() - other.at < PRESENCE_MS)

  const give = (id: string, amount: number) => {
    used -= amount
    const rest = (held.get(id) ?? 0) - amount
    if (rest > 0) held.set(id, rest)
    else held.delete(id)
  }

  return {
    take(requester, amount) {
      const { id } = requester
      const own = held.get(id) ?? 0
      seen = [{ id, at: performance.now() }, ...seen.filter((other) => other.id !== id)].slice(0, 2)
      if (used + amount > capacity)
        fail('overloaded', {
          subject: 'the server',
          problem: `already has ${used} ${noun}, and its limit is ${capacity}`,
          fix,
        })
      if (!isFairShare({ capacity, used, own, amount, isOnly: isOnly(id, own) }))
        fail('overloaded', {
          subject: subjectOf(requester),
          problem: `already has its share of the server: ${own} ${noun}`,
          fix,
        })
      used += amount
      held.set(id, own + amount)
      let isHeld = true
      return () => {
        if (isHeld) give(id, amount)
        isHeld = false
      }
    },
  }
}
