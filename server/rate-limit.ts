import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { refuse } from './error-response.ts'

/** So many requests in so many seconds, of each caller. */
export interface Rate {
  requests: number
  seconds: number
}

/**
 * Counts a request of a caller.
 * @throws GraftError `rate_limited`
 */
export type RateLimit = (caller: string, keyed: boolean) => Promise<void>

const DEFAULT: Rate = { requests: 6000, seconds: 60 }

/** @param given holds for each key, and for each address where there are no keys; by default only keys are limited, to 6,000 a minute */
export function makeRateLimit(given: Rate | false | undefined): RateLimit {
  const { requests, seconds } = given || DEFAULT
  const limiter = new RateLimiterMemory({ points: requests, duration: seconds })
  return async (caller, keyed) => {
    if (given === false || (given === undefined && !keyed)) return
    try {
      await limiter.consume(caller)
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error
      const wait = Math.max(1, Math.ceil(error.msBeforeNext / 1000))
      refuse(
        'rate_limited',
        {
          subject: keyed ? 'the key' : 'the address',
          expected: `at most ${requests} requests in ${seconds} seconds`,
          found: 'more',
          fix: `Wait ${wait} seconds; send several texts in one request.`,
        },
        { 'retry-after': String(wait) },
      )
    }
  }
}
