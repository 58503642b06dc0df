/** The kinds of work whose end is sent to webhooks, with the statuses in which it ends. */
const ends = {
  training: ['succeeded', 'failed', 'cancelled'],
  evaluation: ['succeeded', 'failed'],
  comparison: ['succeeded', 'failed'],
} as const

type Ends = typeof ends

/** The end of a piece of work, such as `training.succeeded`. */
export type WebhookEvent = { [K in keyof Ends]: `${K}.${Ends[K][number]}` }[keyof Ends]

export const webhookEvents = Object.entries(ends).flatMap(([kind, statuses]) =>
  statuses.map((status) => `${kind}.${status}`),
) as [WebhookEvent, ...WebhookEvent[]]

export const deliveryStatuses = ['pending', 'delivered', 'failed'] as const
