import { fail } from '../core/errors.ts'

/**
 * Runs a task if the limit allows.
 * @throws GraftError `overloaded` at once if too many tasks are running
 */
export type ConcurrencyLimit = <T>(task: () => Promise<T>) => Promise<T>

export function makeConcurrencyLimit(maxRequests: number): ConcurrencyLimit {
  let running = 0
  return async (task) => {
    if (running >= maxRequests)
      fail('overloaded', {
        subject: 'the server',
        problem: `is already handling ${maxRequests} requests, which is its limit`,
        fix: 'Try again in a moment, or send several texts in one request.',
      })
    running++
    try {
      return await task()
    } finally {
      running--
    }
  }
}
