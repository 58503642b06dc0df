import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { type WorkResult, workResult } from '../../platform/schemas/work.ts'
import { json, type Route, route } from '../route.ts'

/** Does one piece of what waits, and returns within the milliseconds, or earlier if the signal aborts. */
export type Work = (milliseconds: number, signal: AbortSignal) => Promise<WorkResult>

const workRequest = z.strictObject({
  seconds: z
    .number()
    .min(1)
    .max(86_400)
    .default(600)
    .describe('The seconds that the caller waits for the response. A training is saved half a minute before that.'),
})

/**
 * Returns the route that does one piece of what waits for a worker. Task queues and schedulers of platforms call it and
 * send bodies of their own, which are not read.
 */
export function workRoute(work: Work): Route {
  let isWorking = false
  return route({
    method: 'POST',
    path: '/v1/work',
    summary: 'Run one slice of a training, one evaluation or one comparison',
    tag: 'Server',
    scope: 'train',
    query: { schema: workRequest, fix: 'Send ?seconds=600, or leave it out.' },
    responses: { 200: { description: 'Returns what was done, and what waits now.', schema: workResult } },
    errors: ['overloaded'],
    async handle({ query, signal }) {
      if (isWorking)
        fail('overloaded', {
          subject: 'this worker',
          problem: 'is working for another request',
          fix: 'Send one request at a time to each worker.',
        })
      isWorking = true
      try {
        return json(await work(query.seconds * 1000, signal))
      } finally {
        isWorking = false
      }
    },
  })
}
