import { fail } from '../../core/errors.ts'
import { isFairShare } from '../../core/fair-share.ts'
import type { Caller, Platform } from '../platform.ts'
import { countWaitingOf } from '../store/work-counts.ts'

/** Maximum number of trainings, evaluations and comparisons that wait at the same time. */
const MAX_WAITING = 1000

/**
 * Requires that another training, evaluation or comparison of the caller may be accepted.
 * @throws GraftError `queue_full`, `disk_full`
 */
export async function requireQueueCapacity(
  { queue, store, requireDiskReserve }: Platform,
  { owner }: Caller,
): Promise<void> {
  await requireDiskReserve()
  const { trainings, evaluations, comparisons } = await queue.countWaiting()
  const used = trainings + evaluations + comparisons
  const fix = 'Try again later, cancel some of them, or add workers.'
  if (used >= MAX_WAITING)
    fail('queue_full', {
      subject: 'the queue',
      problem: `is full: ${used} trainings, evaluations and comparisons are waiting, and the limit is ${MAX_WAITING}`,
      fix,
    })
  const own = await countWaitingOf(store.db, owner)
  if (isFairShare({ capacity: MAX_WAITING, used, own, amount: 1, isOnly: own === used })) return
  fail('queue_full', {
    subject: 'the caller',
    problem: `already has its share of the queue: ${own} trainings, evaluations and comparisons are waiting`,
    fix,
  })
}
