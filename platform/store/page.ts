import { desc, lt } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { fail } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'

export const MAX_PAGE = 100

export interface PageRequest {
  /** `next_cursor` of the page before; the newest things come first. */
  cursor?: string
  /** 20 where absent, {@link MAX_PAGE} at most. */
  limit?: number
}

export interface Page<T> {
  data: T[]
  next_cursor?: string
}

/** What a query for a page needs. Ids sort by the time of their making, so the last id of a page is its cursor. */
export function pageOf(id: PgColumn, { cursor, limit = 20 }: PageRequest) {
  if (cursor !== undefined && !isUuid(cursor)) refused('cursor', 'a next_cursor of this list', cursor)
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
    refused('limit', `a whole number from 1 to ${MAX_PAGE}`, String(limit))
  return {
    before: cursor === undefined ? undefined : lt(id, cursor),
    order: desc(id),
    // One more than is shown tells whether there is another page.
    take: limit + 1,
    page<T extends { id: string }>(rows: T[]): Page<T> {
      const data = rows.slice(0, limit)
      return rows.length > limit ? { data, next_cursor: data.at(-1)?.id } : { data }
    },
  }
}

function refused(subject: string, expected: string, found: string): never {
  return fail('body_invalid', {
    subject,
    expected,
    found: JSON.stringify(found),
    fix: 'Leave the cursor out to begin at the newest; a page tells the next in next_cursor.',
  })
}
