import { expect, test } from 'vitest'
import { z } from 'zod'
import { IN_OUR_WORDS } from '../../core/expectation.ts'

test.each<[z.ZodType, unknown, string]>([
  [z.string(), 7, 'a text'],
  [z.int(), 1.5, 'a whole number'],
  [z.array(z.string()), 'x', 'a list'],
  [z.array(z.string()).min(2), ['x'], 'a list of at least 2 items'],
  [z.string().max(2), 'long', 'a text of at most 2 characters'],
  [z.number().positive(), 0, 'a number that is more than 0'],
  [z.number().max(1), 2, 'a number that is at most 1'],
  [z.number().multipleOf(2), 3, 'a multiple of 2'],
  [z.enum(['a', 'b']), 'c', 'one of a, b'],
  [z.literal('a'), 'b', 'a'],
  [z.uuid(), 'x', 'a UUID'],
  [z.iso.datetime(), 'x', 'a date and time as in RFC 3339'],
  [z.string().regex(/^x$/), 'y', 'a text that matches /^x$/'],
  [z.union([z.int(), z.literal('auto')]), 'y', 'a number, or auto'],
  [z.strictObject({}), { a: 1 }, 'only known fields'],
  [z.never(), 1, 'nothing'],
  [z.string().refine(() => false), 'x', 'a valid value'],
  [z.int('a rank'), 'x', 'a rank'],
])('the fault of a value is described by what was expected: %#', (schema, value, phrase) => {
  expect(schema.safeParse(value, IN_OUR_WORDS).error?.issues[0].message).toBe(phrase)
})
