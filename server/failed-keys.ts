import { isIPv6 } from 'node:net'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { failWithHeaders } from './error-response.ts'
import type { Rate } from './rate-limit.ts'

/**
 * Counts a request with a wrong key.
 * @throws GraftError `rate_limited` if its address has sent too many
 */
export type CountFailedKey = (address: string | undefined) => Promise<void>

const DEFAULT_RATE: Rate = { requests: 60, seconds: 60 }

/**
 * Limits the wrong keys that an address may try. A valid key is accepted whatever others at its address do: behind a
 * proxy all clients have one address, and anyone could lock them out. Each server counts for itself.
 */
export function limitFailedKeys({ requests, seconds }: Rate = DEFAULT_RATE): CountFailedKey {
  const limiter = new RateLimiterMemory({ points: requests, duration: seconds })
  return async (address) => {
    try {
      await limiter.consume(networkOf(address))
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error
      const waitSeconds = Math.max(1, Math.ceil(error.msBeforeNext / 1000))
      failWithHeaders(
        'rate_limited',
        {
          subject: 'the address',
          problem: `has sent more than ${requests} wrong keys within ${seconds} seconds`,
          fix: `Send a valid key, which is accepted at once. Otherwise wait ${waitSeconds} seconds.`,
        },
        { 'retry-after': String(waitSeconds) },
      )
    }
  }
}

/** Returns the network of an IPv6 address, since one client usually has all addresses of a /64. */
function networkOf(address = ''): string {
  if (!isIPv6(address) || address.includes('.')) return address
  const [before, after = []] = address
    .split('%')[0]
    .split('::')
    .map((groups) => groups.split(':').filter(Boolean))
  const zeros = Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after].slice(0, 4).join(':')
}
