import type { Platform } from '../../platform/platform.ts'
import { pageRequest } from '../../platform/schemas/common.ts'
import { deliveryList, newWebhook, webhook, webhookList, webhookRequest } from '../../platform/schemas/webhooks.ts'
import { createWebhook, listDeliveries, listWebhooks, removeWebhook } from '../../platform/use-cases/webhooks.ts'
import { json, type Route, route } from '../route.ts'
import { LOCATION, PAGE_FIX, toCreated } from './common.ts'

const tag = 'Webhooks'

export const webhookRoutes = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/v1/webhooks',
    summary: 'Register a webhook',
    description:
      'The address gets a signed message (Standard Webhooks) when a training, an evaluation or a comparison ends. The secret that verifies the signatures is shown only in this response.',
    tag,
    scope: 'admin',
    json: {
      schema: webhookRequest,
      example: { url: 'https://example.com/graft', events: ['training.succeeded', 'training.failed'] },
      fix: 'Send {"url": "https://example.com/graft"}.',
    },
    responses: { 201: { description: 'Returns the webhook with its secret.', schema: newWebhook, headers: LOCATION } },
    handle: async ({ body, caller }) => toCreated('/v1/webhooks', await createWebhook(platform, body, caller)),
  }),
  route({
    method: 'GET',
    path: '/v1/webhooks',
    summary: 'List webhooks',
    description: 'Secrets are not shown. The newest webhooks come first.',
    tag,
    scope: 'admin',
    query: { schema: pageRequest, fix: PAGE_FIX },
    responses: { 200: { description: 'Returns a page of webhooks.', schema: webhookList } },
    handle: async ({ query }) => json(await listWebhooks(platform, query)),
  }),
  route({
    method: 'DELETE',
    path: '/v1/webhooks/{id}',
    summary: 'Remove a webhook',
    description: 'Messages that wait for another attempt are dropped.',
    tag,
    scope: 'admin',
    params: { id: 'Id of a webhook.' },
    responses: { 200: { description: 'Returns the removed webhook.', schema: webhook } },
    errors: ['webhook_unknown'],
    handle: async ({ params: { id } }) => json(await removeWebhook(platform, id)),
  }),
  route({
    method: 'GET',
    path: '/v1/webhooks/{id}/deliveries',
    summary: 'List the messages to a webhook',
    description: 'Each has its status and what went wrong last. They are kept for a week. The newest come first.',
    tag,
    scope: 'admin',
    params: { id: 'Id of a webhook.' },
    query: { schema: pageRequest, fix: PAGE_FIX },
    responses: { 200: { description: 'Returns a page of messages.', schema: deliveryList } },
    errors: ['webhook_unknown'],
    handle: async ({ params: { id }, query }) => json(await listDeliveries(platform, id, query)),
  }),
]
