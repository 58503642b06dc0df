import { z } from 'zod'
import type { ErrorCode } from '../../core/catalogue.ts'
import { idempotencyKey } from '../../platform/schemas/common.ts'
import { json } from '../route.ts'

/** Of a parameter in an address. */
export const ID = (thing: string) => `id or name of ${thing}`

export const PAGE = 'Leave both out for the newest; a page tells the next in next_cursor.'

/** Of the header with which a request may be repeated without doing its work twice. */
export const IDEMPOTENCY = {
  schema: z.object({ 'idempotency-key': idempotencyKey.optional() }),
  fix: 'Make one for each request, a UUID for example, and use it again only to repeat that request.',
}

/** A thing was made; `location` leads to it. */
export const created = (list: string, thing: { id: string }): Response =>
  json(thing, { status: 201, headers: { location: `${list}/${thing.id}` } })

/** What a file of reviews may be refused for. */
export const DATA_ERRORS = [
  'data_empty',
  'data_format',
  'data_line',
  'data_label',
  'artifacts_unavailable',
  'disk_full',
] as const satisfies ErrorCode[]
