import { z } from 'zod'
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, type PageRequest } from '../../platform/schemas/common.ts'
import { fromOpenaiId, type IdKind } from './ids.ts'

/** The largest page of any list of OpenAI's API. */
const MAX_LIMIT = 10_000
const LIMIT_EXPECTED = `a whole number from 1 to ${MAX_LIMIT}`

/** The query of OpenAI's lists. */
export const listQuery = z.strictObject({
  after: z.string('the id of the last item received').optional().describe('Id of the last item of the previous page.'),
  limit: z
    .int(LIMIT_EXPECTED)
    .min(1, LIMIT_EXPECTED)
    .max(MAX_LIMIT, LIMIT_EXPECTED)
    .default(DEFAULT_PAGE_SIZE)
    .describe(`Number of items on the page. A page has at most ${MAX_PAGE_SIZE}.`),
})

export const LIST_FIX = 'Set after to the last id of the previous page, or leave it out for the first page.'

export const listSchemaOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({
    object: z.literal('list'),
    data: z.array(item),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })

export function toPageRequest(kind: IdKind, { after, limit }: { after?: string; limit: number }): PageRequest {
  return { limit: Math.min(limit, MAX_PAGE_SIZE), ...(after !== undefined && { cursor: fromOpenaiId(kind, after) }) }
}

export function toPage<T extends { id: string }>(data: T[], has_more: boolean) {
  return { object: 'list' as const, data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more }
}
