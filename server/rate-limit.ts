import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import type { StoreClient } from '../platform/store/store.ts'
import { failWithHeaders } from './error-response.ts'
import { type Requester, subjectOf } from './fair-share.ts'
import { leasePoints } from './lease-points.ts'

/** The requests that each caller may make within a number of seconds. */
export interface Rate {
  requests: number
  seconds: number
}

/**
 * Counts a number of requests.
 * @throws GraftError `rate_limited`
 */
export type RateLimit = (requester: Requester, requests: number) => Promise<void>

const DEFAULT_RATE: Rate = { requests: 6000, seconds: 60 }
/** The share of a limit that a server takes at a time. */
const BLOCK_SHARE = 0.01

/**
 * Creates a rate limit. On PostgreSQL, all servers of the database count together. If the database does not answer,
 * each counts for itself.
 * @param rate the limit of each key, and of each address if there are no keys; false for no limit. Defaults to 6,000
 * requests a minute for keys only.
 */
export function makeRateLimit(rate: Rate | false | undefined, client?: StoreClient): RateLimit {
  const { requests, seconds } = rate || DEFAULT_RATE
  const block = Math.max(1, Math.floor(BLOCK_SHARE * requests))
  const take = leasePoints(openLimiter({ requests, seconds }, client), block)
  return async (requester, count) => {
    if (rate === false || (rate === undefined && !requester.hasKey)) return
    try {
      await take(requester.id, count)
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error
      const waitSeconds = Math.max(1, Math.ceil(error.msBeforeNext / 1000))
      failWithHeaders(
        'rate_limited',
        {
          subject: subjectOf(requester),
          problem: `has sent more than ${requests} requests within ${seconds} seconds`,
          fix: `Wait ${waitSeconds} seconds. To send fewer requests, put several texts in one request.`,
        },
        { 'retry-after': String(waitSeconds) },
      )
    }
  }
}

function openLimiter({ requests, seconds }: Rate, client?: StoreClient): RateLimiterAbstract {
  const options = { points: requests, duration: seconds }
  const memory = new RateLimiterMemory(options)
  if (client?.kind !== 'postgres') return memory
  return new RateLimiterPostgres({
    ...options,
    storeClient: client.pool,
    storeType: 'pool',
    schemaName: 'graft',
    tableName: 'rate_limits',
    // The migrations of the store create it.
    tableCreated: true,
    insuranceLimiter: memory,
    // A requester above its limit does not reach the database until the end of its window.
    inMemoryBlockOnConsumed: requests,
  })
}
