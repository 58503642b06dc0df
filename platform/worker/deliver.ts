import { GraftError } from '../../core/errors.ts'
import { withSpan } from '../../core/tracing.ts'
import type { Job } from '../queue/queue.ts'
import { recordAttempt, selectDelivery } from '../store/webhooks.ts'
import { postMessage } from './post-message.ts'
import { signMessage } from './sign-message.ts'
import type { WorkerOptions } from './worker-options.ts'

/** The time between two heartbeats of the job. A receiver may take longer to answer than a job without one lasts. */
const TOUCH_INTERVAL_MS = 3_000

/** The receiver wants no more messages. Another attempt would be useless. */
const GONE = 410

/** Makes one attempt to deliver a message to a webhook, and schedules another one if it fails. */
export async function deliver(options: WorkerOptions, job: Job): Promise<void> {
  const { store, queue, logger } = options
  const delivery = await selectDelivery(store.db, job.id)
  const end = (status: 'delivered' | 'failed', failure?: string) =>
    store.transaction(async (tx) => {
      await recordAttempt(tx, job.id, status, failure)
      await queue.complete(tx, job)
    })
  if (delivery?.status !== 'pending') return store.transaction((tx) => queue.complete(tx, job))
  const { id, event, data, url, secret, created_at } = delivery
  const body = JSON.stringify({ type: event, timestamp: created_at.toISOString(), data })
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'graft',
    ...signMessage(secret, id, Math.floor(Date.now() / 1000), body),
  }
  const heartbeat = setInterval(
    () => void queue.touch(job).catch((error) => logger.error(error, { task: 'webhooks' })),
    TOUCH_INTERVAL_MS,
  )
  const attributes = { 'graft.webhook.id': delivery.webhook_id, 'graft.webhook.event': event }
  try {
    const status = await withSpan('webhook', attributes, () =>
      postMessage(url, { headers, body, isPrivateAllowed: options.allowPrivateWebhooks ?? false }),
    ).catch((error: unknown) => error)
    if (typeof status === 'number' && status >= 200 && status < 300) return await end('delivered')
    const failure = describeFailure(status)
    if (status === GONE) return await end('failed', failure)
    if (await queue.retry(job)) return await recordAttempt(store.db, id, 'pending', failure)
    await end('failed', failure)
    logger.error(new Error(`webhook ${delivery.webhook_id}: message ${id} was given up: ${failure}`), {
      task: 'webhooks',
    })
  } finally {
    clearInterval(heartbeat)
  }
}

/** Describes a failed attempt, without anything that the receiver sent except its status. */
function describeFailure(outcome: unknown): string {
  if (typeof outcome === 'number')
    return outcome >= 300 && outcome < 400
      ? `answered ${outcome}, and redirects are not followed`
      : `answered ${outcome}`
  if (outcome instanceof GraftError) return outcome.message
  const { name, code } = outcome as NodeJS.ErrnoException
  if (code === 'NOT_PUBLIC') return 'its name has no public address, and --allow-private-webhooks is not set'
  return name === 'TimeoutError' || name === 'AbortError' ? 'did not answer in time' : `cannot be reached: ${code}`
}
