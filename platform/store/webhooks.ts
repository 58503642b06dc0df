import { randomBytes } from 'node:crypto'
import { and, arrayContains, eq, getTableColumns, lt, ne, sql } from 'drizzle-orm'
import { isUuid } from '../../core/uuid.ts'
import type { PageRequest } from '../schemas/common.ts'
import { type WebhookEvent, webhookEvents } from '../schemas/webhook-events.ts'
import type { Database } from './database.ts'
import { type Page, pageQuery } from './page.ts'
import { webhookDeliveries, webhooks } from './schema/webhooks.ts'
import { throwUnknown } from './throw-errors.ts'

export type WebhookRow = Omit<typeof webhooks.$inferSelect, 'secret'>
export type DeliveryRow = typeof webhookDeliveries.$inferSelect

const { secret: _, ...publicColumns } = getTableColumns(webhooks)

/** @returns the row, and the secret, which no other function returns except for a delivery */
export async function insertWebhook(
  db: Database,
  { owner, url, events = webhookEvents }: { owner: string; url: string; events?: readonly WebhookEvent[] },
): Promise<{ webhook: WebhookRow; secret: string }> {
  // The form that Standard Webhooks defines.
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const values = { owner, url, events: [...new Set(events)], secret }
  const [webhook] = await db.insert(webhooks).values(values).returning(publicColumns)
  return { webhook, secret }
}

export const countWebhooks = (db: Database): Promise<number> => db.$count(webhooks)

export async function selectWebhookPage(db: Database, request: PageRequest = {}): Promise<Page<WebhookRow>> {
  const { isAfterCursor, order, limit, toPage } = pageQuery(webhooks.id, request)
  return toPage(await db.select(publicColumns).from(webhooks).where(isAfterCursor).orderBy(order).limit(limit))
}

/**
 * Deletes a webhook and its deliveries.
 * @throws GraftError `webhook_unknown`
 */
export async function deleteWebhook(db: Database, id: string): Promise<WebhookRow> {
  const [row] = isUuid(id) ? await db.delete(webhooks).where(eq(webhooks.id, id)).returning(publicColumns) : []
  return row ?? throwUnknown('webhook', id)
}

/** Inserts a delivery to each webhook that wants the event. @returns their ids */
export async function insertDeliveries(
  tx: Database,
  event: WebhookEvent,
  data: Readonly<Record<string, unknown>>,
): Promise<string[]> {
  const receivers = await tx
    .select({ webhook_id: webhooks.id })
    .from(webhooks)
    .where(arrayContains(webhooks.events, [event]))
  if (receivers.length === 0) return []
  const values = receivers.map((receiver) => ({ ...receiver, event, data }))
  const rows = await tx.insert(webhookDeliveries).values(values).returning({ id: webhookDeliveries.id })
  return rows.map(({ id }) => id)
}

/** Selects a delivery with the address and the secret of its webhook. Returns undefined if the webhook was deleted. */
export async function selectDelivery(
  db: Database,
  id: string,
): Promise<(DeliveryRow & { url: string; secret: string }) | undefined> {
  const [row] = await db
    .select({ ...getTableColumns(webhookDeliveries), url: webhooks.url, secret: webhooks.secret })
    .from(webhookDeliveries)
    .innerJoin(webhooks, eq(webhooks.id, webhookDeliveries.webhook_id))
    .where(eq(webhookDeliveries.id, id))
  return row
}

/** Counts an attempt at a delivery, and records how it ended. @param failure not set if the message was delivered */
export async function recordAttempt(
  db: Database,
  id: string,
  status: DeliveryRow['status'],
  failure?: string,
): Promise<void> {
  await db
    .update(webhookDeliveries)
    .set({
      status,
      failure: failure ?? null,
      attempts: sql`${webhookDeliveries.attempts} + 1`,
      finished_at: status === 'pending' ? null : sql`now()`,
    })
    .where(and(eq(webhookDeliveries.id, id), eq(webhookDeliveries.status, 'pending')))
}

/** @throws GraftError `webhook_unknown` */
export async function selectDeliveryPage(
  db: Database,
  webhook: string,
  request: PageRequest = {},
): Promise<Page<DeliveryRow>> {
  const [known] = isUuid(webhook) ? await db.select().from(webhooks).where(eq(webhooks.id, webhook)) : []
  if (!known) throwUnknown('webhook', webhook)
  const { isAfterCursor, order, limit, toPage } = pageQuery(webhookDeliveries.id, request)
  const isOfWebhook = eq(webhookDeliveries.webhook_id, webhook)
  return toPage(
    await db.select().from(webhookDeliveries).where(and(isAfterCursor, isOfWebhook)).orderBy(order).limit(limit),
  )
}

/** Selects the ids of the deliveries that have not ended. */
export async function selectPendingDeliveryIds(db: Database): Promise<string[]> {
  const rows = await db
    .select({ id: webhookDeliveries.id })
    .from(webhookDeliveries)
    .where(eq(webhookDeliveries.status, 'pending'))
  return rows.map(({ id }) => id)
}

/** Fails the deliveries that were pending for too long, and deletes those that ended long ago. */
export async function expireDeliveries(
  db: Database,
  { pendingSince, endedBefore }: { pendingSince: Date; endedBefore: Date },
): Promise<void> {
  await db
    .update(webhookDeliveries)
    .set({ status: 'failed', finished_at: sql`now()` })
    .where(and(eq(webhookDeliveries.status, 'pending'), lt(webhookDeliveries.created_at, pendingSince)))
  await db
    .delete(webhookDeliveries)
    .where(and(ne(webhookDeliveries.status, 'pending'), lt(webhookDeliveries.finished_at, endedBefore)))
}
