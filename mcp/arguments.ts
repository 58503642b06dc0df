import type { z } from 'zod'
import { idempotencyKey, pageRequest } from '../platform/schemas/common.ts'

// Arguments that several tools have. An agent reads the schemas of all tools before it calls one, so they are short.

export const retryKey = idempotencyKey.optional().describe('Any text. A call repeated with it does nothing twice.')

const { cursor, limit } = pageRequest.shape
export const paging = { cursor: cursor.describe('The next_cursor of the page before.'), limit: limit.describe('') }

/** Returns fields of which only those with these names keep their descriptions. The names of the others say enough. */
export function describeOnly<Shape extends Readonly<Record<string, z.ZodType>>>(
  names: readonly string[],
  shape: Shape,
): Shape {
  const fields = Object.entries(shape)
  return Object.fromEntries(
    fields.map(([name, schema]) => [name, names.includes(name) ? schema : schema.describe('')]),
  ) as unknown as Shape
}
