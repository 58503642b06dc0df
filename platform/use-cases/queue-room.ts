import { fail } from '../../core/errors.ts'
import type { Platform } from '../platform.ts'

/** Trainings and evaluations that may wait at a time. */
const ROOM = 1000

/** @throws GraftError `queue_full` */
export async function requireRoom({ jobs }: Platform): Promise<void> {
  const { trainings, evaluations } = await jobs.waiting()
  if (trainings + evaluations < ROOM) return
  fail('queue_full', {
    subject: 'the queue',
    expected: `fewer than ${ROOM} trainings and evaluations that wait`,
    found: String(trainings + evaluations),
    mend: 'Try again later, cancel some, or add workers.',
  })
}
