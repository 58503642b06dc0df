import { z } from 'zod'
import type { ErrorCode } from '../../core/catalogue.ts'
import { idempotencyKey } from '../../platform/schemas/common.ts'
import { json } from '../route.ts'

/** Returns the description of a path parameter that names a resource. */
export const describeId = (resource: string) => `Id or name of ${resource}.`

export const PAGE_FIX = 'Leave out cursor for the first page; next_cursor of a page is the cursor of the next page.'

/** The header that makes it safe to send a request again. */
export const IDEMPOTENCY_HEADERS = {
  schema: z.object({ 'idempotency-key': idempotencyKey.optional() }),
  fix: 'Create a key for each request, for example a UUID, and send it again only to repeat that request.',
}

/** Returns the response to a created resource, with its path in `location`. */
export const toCreated = (list: string, resource: { id: string }): Response =>
  json(resource, { status: 201, headers: { location: `${list}/${resource.id}` } })

/** The description of the `location` header of {@link toCreated}. */
export const LOCATION = { location: 'Path of the new resource.' }

/** Errors of an uploaded file of reviews. */
export const DATA_ERROR_CODES = [
  'data_empty',
  'data_format',
  'data_line',
  'data_label',
  'data_skipped',
  'data_too_large',
  'validation_failed',
  'artifacts_unavailable',
  'disk_full',
] as const satisfies ErrorCode[]
