import type { RateLimiterAbstract } from 'rate-limiter-flexible'

/** Takes points of a requester. Rejects as the limiter does. */
export type TakePoints = (requester: string, points: number) => Promise<void>

interface Lease {
  left: number
  /** The reading of `performance.now()` at which the window ends. */
  readonly until: number
}

/**
 * Takes points of a limiter in blocks and spends them here, so that few requests wait for the limiter's database. The
 * rest of a block is lost when its window ends, so a requester that several servers answer may get a block less from
 * each.
 * @param size the points of a block
 */
export function leasePoints(limiter: RateLimiterAbstract, size: number): TakePoints {
  const leases = new Map<string, Lease>()
  const asked = new Map<string, Promise<void>>()

  const ask = (requester: string, points: number): Promise<void> => {
    const now = performance.now()
    for (const [id, { until }] of leases) if (until <= now) leases.delete(id)
    const answer = limiter
      .consume(requester, points)
      .then(({ msBeforeNext }) => {
        leases.set(requester, { left: points, until: performance.now() + msBeforeNext })
      })
      .finally(() => asked.delete(requester))
    asked.set(requester, answer)
    return answer
  }

  return async (requester, points) => {
    for (;;) {
      const lease = leases.get(requester)
      if (lease && lease.until > performance.now() && lease.left >= points) {
        lease.left -= points
        return
      }
      await (asked.get(requester) ?? ask(requester, Math.max(points, size)))
    }
  }
}
