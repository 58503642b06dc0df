import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { failWithHeaders } from './error-response.ts'

/** The requests that each caller may make within a number of seconds. */
export interface Rate {
  requests: number
  seconds: number
}

/**
 * Counts a request of a caller.
 * @throws GraftError `rate_limited`
 */
export type RateLimit = (caller: string, hasKey: boolean) => Promise<void>

const DEFAULT_RATE: Rate = { requests: 6000, seconds: 60 }

/**
 * Creates a rate limit.
 * @param rate the limit for each key, and for each address if there are no keys; false for no limit. Defaults to 6,000
 * requests a minute for keys only.
 */
export function makeRateLimit(rate: Rate | false | undefined): RateLimit {
  const { requests, seconds } = rate || DEFAULT_RATE
  const limiter = new RateLimiterMemory({ points: requests, duration: seconds })
  return async (caller, hasKey) => {
    if (rate === false || (rate === undefined && !hasKey)) return
    try {
      await limiter.consume(caller)
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error
      const waitSeconds = Math.max(1, Math.ceil(error.msBeforeNext / 1000))
      failWithHeaders(
        'rate_limited',
        {
          subject: hasKey ? 'the key' : 'the address',
          problem: `has sent more than ${requests} requests within ${seconds} seconds`,
          fix: `Wait ${waitSeconds} seconds. To send fewer requests, put several texts in one request.`,
        },
        { 'retry-after': String(waitSeconds) },
      )
    }
  }
}
