import { fail } from '../../core/errors.ts'
import type { Platform } from '../platform.ts'

/** Maximum number of trainings, evaluations and comparisons that wait at the same time. */
const MAX_WAITING = 1000

/** @throws GraftError `queue_full` */
export async function requireQueueCapacity({ queue }: Platform): Promise<void> {
  const { trainings, evaluations, comparisons } = await queue.countWaiting()
  const waiting = trainings + evaluations + comparisons
  if (waiting < MAX_WAITING) return
  fail('queue_full', {
    subject: 'the queue',
    problem: `is full: ${waiting} trainings, evaluations and comparisons are waiting, and the limit is ${MAX_WAITING}`,
    fix: 'Try again later, cancel some of them, or add workers.',
  })
}
