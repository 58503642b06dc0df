import { sql } from 'drizzle-orm'
import { check, index, integer, text, uuid } from 'drizzle-orm/pg-core'
import { deliveryStatuses, webhookEvents } from '../../schemas/webhook-events.ts'
import { createdAt, graft, id, json, oneOf, owner, time } from './columns.ts'

/** The addresses that get a message when work ends. */
export const webhooks = graft.table(
  'webhooks',
  {
    id: id(),
    owner: owner(),
    url: text().notNull(),
    events: text({ enum: webhookEvents }).array().notNull(),
    /** The key of the signatures. It is stored as it is, because every delivery is signed with it. */
    secret: text().notNull(),
    created_at: createdAt(),
  },
  (table) => [
    check('webhooks_url', sql`length(${table.url}) between 1 and 2000`),
    check('webhooks_events', sql`cardinality(${table.events}) > 0`),
  ],
)

/** The messages to webhooks. A row is written in the transaction that ends the work. */
export const webhookDeliveries = graft.table(
  'webhook_deliveries',
  {
    /** Also the id of the message, which is the same in each attempt. */
    id: id(),
    webhook_id: uuid()
      .notNull()
      .references(() => webhooks.id, { onDelete: 'cascade' }),
    event: text({ enum: webhookEvents }).notNull(),
    /** The member `data` of the message. */
    data: json<Readonly<Record<string, unknown>>>().notNull(),
    status: text({ enum: deliveryStatuses }).notNull().default('pending'),
    attempts: integer().notNull().default(0),
    /** The failure of the last attempt. */
    failure: text(),
    created_at: createdAt(),
    finished_at: time(),
  },
  (table) => [
    check('webhook_deliveries_status', oneOf(table.status, deliveryStatuses)),
    check('webhook_deliveries_finished', sql`(${table.status} = 'pending') = (${table.finished_at} is null)`),
    index('webhook_deliveries_by_webhook').on(table.webhook_id, table.id),
    index('webhook_deliveries_by_status').on(table.status, table.created_at),
  ],
)
