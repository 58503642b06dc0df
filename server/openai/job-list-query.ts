import { z } from 'zod'
import { anyRecord } from '../../core/any-record.ts'
import { coerceFields, type RawFields } from '../../platform/schemas/coerce-fields.ts'
import { withoutNul } from '../../platform/schemas/common.ts'
import { listQuery } from './pages.ts'

export const jobListQuery = listQuery.extend({
  metadata: anyRecord(withoutNul(z.string('a text'), 'a text'))
    .nullable()
    .optional()
    .describe('Lists only jobs with these pairs, as metadata[key]=value; null for jobs without metadata.')
    .meta({ param: { style: 'deepObject', explode: true } }),
})

/** Converts the texts of a query in which clients write a filter by metadata as `metadata[key]=value`. */
export function toJobListQuery(texts: RawFields): Record<string, unknown> {
  const pairs: [string, string][] = []
  const others: Record<string, readonly string[]> = Object.create(null)
  for (const [name, values] of Object.entries(texts)) {
    const [, key] = /^metadata\[(.*)\]$/s.exec(name) ?? []
    if (key !== undefined) pairs.push([key, values[0]])
    // Clients write an empty filter in either way.
    else if (name !== 'metadata' || values[0] === 'null') others[name] = values
  }
  return {
    ...coerceFields(listQuery.shape, others),
    ...(Object.hasOwn(others, 'metadata') && { metadata: null }),
    ...(pairs.length > 0 && { metadata: Object.fromEntries(pairs) }),
  }
}
