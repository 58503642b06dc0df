import { z } from 'zod'
import { exactObject, pageOf, timestamp, uuid, withoutNul } from './common.ts'
import { deliveryStatuses, webhookEvents } from './webhook-events.ts'

const eventNames = `any of ${webhookEvents.join(', ')}`

export const webhookRequest = exactObject({
  url: withoutNul(
    z
      .string({ error: 'an address with https://' })
      .min(1, 'an address with https://')
      .max(2000, 'at most 2000 characters'),
    'an address',
  ).describe('Where the messages are sent, as POST requests.'),
  events: z
    .array(z.enum(webhookEvents, { error: eventNames }), { error: `a list of events: ${eventNames}` })
    .min(1, `at least one event: ${eventNames}`)
    .optional()
    .describe('The events to send. Defaults to all.'),
})
export type WebhookRequest = z.infer<typeof webhookRequest>

export const webhook = z.strictObject({
  id: uuid,
  url: z.string(),
  events: z.array(z.enum(webhookEvents)),
  created_at: timestamp,
})
export type Webhook = z.infer<typeof webhook>

export const newWebhook = webhook.extend({
  secret: z
    .string()
    .describe('The key that verifies the signatures (Standard Webhooks), whsec_…. It cannot be shown again.'),
})
export type NewWebhook = z.infer<typeof newWebhook>

export const webhookList = pageOf(webhook)
export type WebhookList = z.infer<typeof webhookList>

export const delivery = z.strictObject({
  id: uuid.describe('Also the webhook-id of the message.'),
  event: z.enum(webhookEvents),
  data: z.record(z.string(), z.unknown()),
  status: z.enum(deliveryStatuses),
  attempts: z.int(),
  failure: z.string().optional().describe('What went wrong in the last attempt.'),
  created_at: timestamp,
  finished_at: timestamp.optional(),
})
export type Delivery = z.infer<typeof delivery>

export const deliveryList = pageOf(delivery)
export type DeliveryList = z.infer<typeof deliveryList>
