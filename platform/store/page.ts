import { asc, desc, gt, lt } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { DEFAULT_PAGE_SIZE, type PageRequest, pageRequest } from '../schemas/common.ts'
import { parse } from '../schemas/parse.ts'

export interface Page<T> {
  data: T[]
  /** The cursor of the next page. Not set on the last page. */
  next_cursor?: string
}

/** The item with which a list starts. */
export type ListOrder = 'newest' | 'oldest'

/**
 * Returns the parts of a query for one page. Ids sort by the time of their creation, so the last id of a page is its
 * cursor.
 * @throws GraftError `body_invalid`
 */
export function pageQuery(id: PgColumn, request: PageRequest, first: ListOrder = 'newest') {
  const fix = 'Leave out cursor for the first page; next_cursor of a page is the cursor of the next page.'
  const { cursor, limit = DEFAULT_PAGE_SIZE } = parse(pageRequest, request, 'the page', fix)
  return {
    isAfterCursor: cursor === undefined ? undefined : first === 'newest' ? lt(id, cursor) : gt(id, cursor),
    order: first === 'newest' ? desc(id) : asc(id),
    // One extra row shows whether there is another page.
    limit: limit + 1,
    toPage<T extends { id: string }>(rows: T[]): Page<T> {
      const data = rows.slice(0, limit)
      return rows.length > limit ? { data, next_cursor: data.at(-1)?.id } : { data }
    },
  }
}
