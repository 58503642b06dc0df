import { z } from 'zod'
import type { PageRequest } from '../../platform/schemas/common.ts'
import { type idOf, referenceOf } from './ids.ts'

/** How OpenAI's lists are asked for: the id of the last that is known, and how many more. */
export const listQuery = z.strictObject({
  after: z.string('the id of the last that is known').optional().describe('the id of the last that is known'),
  limit: z
    .int('a whole number from 1 to 100')
    .min(1, 'a whole number from 1 to 100')
    .max(100, 'a whole number from 1 to 100')
    .default(20),
})

export const LIST = 'Give after, the last id of the page before, and limit, or neither.'

export const listOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({
    object: z.literal('list'),
    data: z.array(item),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })

export function pageRequestOf(
  kind: Parameters<typeof idOf>[0],
  { after, limit }: { after?: string; limit: number },
): PageRequest {
  return { limit, ...(after !== undefined && { cursor: referenceOf(kind, after) }) }
}

export function pageOf<T extends { id: string }>(data: T[], has_more: boolean) {
  return { object: 'list' as const, data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more }
}
