import { fail } from '../../core/errors.ts'
import type { Platform } from '../platform.ts'

/** Trainings, evaluations and comparisons that may wait at a time. */
const ROOM = 1000

/** @throws GraftError `queue_full` */
export async function requireRoom({ queue }: Platform): Promise<void> {
  const { trainings, evaluations, comparisons } = await queue.waiting()
  const waiting = trainings + evaluations + comparisons
  if (waiting < ROOM) return
  fail('queue_full', {
    subject: 'the queue',
    expected: `fewer than ${ROOM} trainings, evaluations and comparisons that wait`,
    found: String(waiting),
    fix: 'Try again later, cancel some, or add workers.',
  })
}
