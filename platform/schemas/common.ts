import { z } from 'zod'
import { isUuid } from '../../core/uuid.ts'

// Schemas of the values in requests and responses. A message is a phrase that completes "expected …".

/** Returns the schema of an object that has only these fields. Its messages list them. */
export function exactObject<S extends z.ZodRawShape>(fields: S) {
  const names = Object.keys(fields).join(', ')
  return z.strictObject(fields, {
    error: ({ code }) => (code === 'unrecognized_keys' ? `only ${names}` : `an object with ${names}`),
  })
}

export const text = z.string({ error: 'a text' })

/**
 * Requires a text without U+0000, which PostgreSQL cannot store. This is a check instead of a pattern, because clients
 * compile published patterns with engines that do not agree on how to write this one.
 */
export const withoutNul = (schema: z.ZodString, subject: string) =>
  schema.refine((text) => !text.includes('\0'), `${subject} without U+0000`)

/**
 * Returns the schema of a reference to a resource, by its id or its name.
 * @param resource the resource with its article, such as `an adapter`
 */
export const idOrName = (resource: string) =>
  withoutNul(
    z
      .string({ error: `${resource} id or name` })
      .min(1, `${resource} id or name`)
      .max(200, `at most 200 characters`),
    `${resource} id or name`,
  )

/** The name of a new resource. It must not look like an id, and needs no escaping in a URL. */
export const resourceName = z
  .string({ error: 'a name' })
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
    'a name of 1 to 100 letters, digits, dots, dashes and underscores that starts with a letter or a digit',
  )
  .refine((name) => !isUuid(name), 'a name that does not look like an id')
  .refine((name) => !isDeviceName(name), 'a name that Windows does not reserve for a device')

/** Returns whether a file of this name would be a device on Windows, with any extension. */
export const isDeviceName = (name: string): boolean => /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name)

const IDEMPOTENCY_KEY_EXPECTED = '1 to 200 printable ASCII characters without spaces'

export const idempotencyKey = z
  .string({ error: IDEMPOTENCY_KEY_EXPECTED })
  .regex(/^[!-~]{1,200}$/, IDEMPOTENCY_KEY_EXPECTED)
  .describe(
    'A text of your choice that makes it safe to repeat the request: a repetition with the same key returns the response to the first request.',
  )

export const timestamp = z.iso.datetime().describe('RFC 3339, in UTC.')
export const digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits')
  .describe('SHA-256, in hexadecimal digits.')
export const uuid = z.uuid().describe('UUIDv7, which sorts by the time of creation.')

export const problem = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  subject: z.string(),
  expected: z.string().optional().describe('What a valid value looks like. Only for invalid input.'),
  found: z.string().optional().describe('The value received. Only for invalid input.'),
  problem: z.string().optional().describe('What happened to the subject. For all other errors.'),
  fix: z.string().describe('How to fix it.'),
})
export type Problem = z.infer<typeof problem>

export const DEFAULT_PAGE_SIZE = 20
export const MAX_PAGE_SIZE = 100
const PAGE_SIZE_EXPECTED = `a whole number from 1 to ${MAX_PAGE_SIZE}`

export const pageSize = z.int(PAGE_SIZE_EXPECTED).min(1, PAGE_SIZE_EXPECTED).max(MAX_PAGE_SIZE, PAGE_SIZE_EXPECTED)

/** A request for one page of a list. */
export const pageRequest = z.strictObject({
  cursor: z
    .uuid('a next_cursor of this list')
    .optional()
    .describe('The next_cursor of the previous page. Defaults to the first page, which has the newest items.'),
  limit: pageSize.optional().describe(`The number of items on the page. Defaults to ${DEFAULT_PAGE_SIZE}.`),
})
export type PageRequest = z.infer<typeof pageRequest>

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ data: z.array(item), next_cursor: z.string().optional() })
