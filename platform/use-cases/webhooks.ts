import { fail } from '../../core/errors.ts'
import type { Caller, Platform } from '../platform.ts'
import type { PageRequest } from '../schemas/common.ts'
import { parseWebhookTarget } from '../schemas/webhook-target.ts'
import type { DeliveryList, NewWebhook, Webhook, WebhookList, WebhookRequest } from '../schemas/webhooks.ts'
import {
  countWebhooks,
  deleteWebhook,
  insertWebhook,
  selectDeliveryPage,
  selectWebhookPage,
} from '../store/webhooks.ts'
import { toDelivery, toWebhook } from './to-api.ts'

/** Each end of a piece of work writes a row for each webhook. */
const MAX_WEBHOOKS = 20

/**
 * Registers a webhook. Its secret is returned only this once.
 * @throws GraftError `body_invalid` if the address is not allowed, or if there are too many webhooks
 */
export async function createWebhook(
  { store, allowPrivateWebhooks = false }: Pick<Platform, 'store' | 'allowPrivateWebhooks'>,
  { url, events }: WebhookRequest,
  caller: Caller,
): Promise<NewWebhook> {
  const { href } = parseWebhookTarget(url, allowPrivateWebhooks)
  return store.transaction(async (tx) => {
    if ((await countWebhooks(tx)) >= MAX_WEBHOOKS)
      fail('body_invalid', {
        subject: 'the webhooks',
        expected: `at most ${MAX_WEBHOOKS}`,
        found: 'one more',
        fix: 'Remove one that is not needed any more.',
      })
    const { webhook, secret } = await insertWebhook(tx, { owner: caller.owner, url: href, events })
    return { ...toWebhook(webhook), secret }
  })
}

/** Lists webhooks, newest first, without their secrets. */
export async function listWebhooks(
  { store }: Pick<Platform, 'store'>,
  request: PageRequest = {},
): Promise<WebhookList> {
  const page = await selectWebhookPage(store.db, request)
  return { ...page, data: page.data.map(toWebhook) }
}

/**
 * Removes a webhook. Messages that wait for another attempt are dropped.
 * @throws GraftError `webhook_unknown`
 */
export async function removeWebhook({ store }: Pick<Platform, 'store'>, id: string): Promise<Webhook> {
  return toWebhook(await deleteWebhook(store.db, id))
}

/**
 * Lists the messages to a webhook, newest first.
 * @throws GraftError `webhook_unknown`
 */
export async function listDeliveries(
  { store }: Pick<Platform, 'store'>,
  id: string,
  request: PageRequest = {},
): Promise<DeliveryList> {
  const page = await selectDeliveryPage(store.db, id, request)
  return { ...page, data: page.data.map(toDelivery) }
}
