import { fail } from '../core/errors.ts'

/**
 * Does a piece of work among others.
 * @throws GraftError `overloaded` at once where too many are under way
 */
export type Crowd = <T>(work: () => Promise<T>) => Promise<T>

export function makeCrowd(most: number): Crowd {
  let underWay = 0
  return async (work) => {
    if (underWay >= most)
      fail('overloaded', {
        subject: 'the server',
        expected: `at most ${most} requests at a time`,
        found: 'more',
        fix: 'Try again in a moment; send several texts in one request.',
      })
    underWay++
    try {
      return await work()
    } finally {
      underWay--
    }
  }
}
