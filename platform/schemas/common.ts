import { z } from 'zod'
import { isUuid } from '../../core/uuid.ts'

// One schema for each thing that crosses an edge. A message says what was expected, as a phrase.

/** An object of these fields alone. */
export function only<S extends z.ZodRawShape>(shape: S) {
  const fields = Object.keys(shape).join(', ')
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? `only ${fields}` : `an object with ${fields}`),
  })
}

export const text = z.string({ error: 'a text' })

/** PostgreSQL keeps no U+0000. */
export const storable = /^[^\0]*$/

/** What names a thing: its id, or the name that it was given. */
export const reference = (thing: string) =>
  z
    .string({ error: `the id or name of ${thing}` })
    .min(1, `the id or name of ${thing}`)
    .max(200, `at most 200 characters`)
    .regex(storable, `the id or name of ${thing}, without U+0000`)

/** A name that somebody gives: it may not look like an id, and it is fit for an address. */
export const newName = z
  .string({ error: 'a name' })
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
    'a name of 1 to 100 letters, digits, dots, dashes and underscores, which begins with a letter or digit',
  )
  .refine((name) => !isUuid(name), 'a name that does not look like an id')

/** A text of the caller's own that makes a repetition harmless. */
export const idempotencyKey = z
  .string({ error: '1 to 200 printable characters of ASCII, without spaces' })
  .regex(/^[\x21-\x7e]{1,200}$/, '1 to 200 printable characters of ASCII, without spaces')
  .describe('a text of your own: the same key with the same request is answered as the first time')

export const timestamp = z.iso.datetime().describe('RFC 3339, in UTC')
export const digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits')
  .describe('SHA-256')
export const uuid = z.uuid().describe('UUIDv7: sorts by the time of its making')

export const problem = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  subject: z.string(),
  expected: z.string().optional().describe('what a valid value looks like; only for invalid input'),
  found: z.string().optional().describe('the value received; only for invalid input'),
  problem: z.string().optional().describe('what happened to the subject; for everything else'),
  fix: z.string().describe('what to do about it'),
})
export type Problem = z.infer<typeof problem>

/** Which part of a list is asked for. */
export const pageRequest = z.strictObject({
  cursor: z
    .uuid('a next_cursor of this list')
    .optional()
    .describe('next_cursor of the page before; the newest things come first'),
  limit: z
    .int('a whole number from 1 to 100')
    .min(1, 'a whole number from 1 to 100')
    .max(100, 'a whole number from 1 to 100')
    .optional()
    .describe('20 where absent'),
})
export type PageRequest = z.infer<typeof pageRequest>

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ data: z.array(item), next_cursor: z.string().optional() })
