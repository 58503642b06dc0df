import { expect, test } from 'vitest'
import { z } from 'zod'
import { parse } from '../../platform/schemas/parse.ts'
import { trainingRequest } from '../../platform/schemas/trainings.ts'
import { expectError } from '../checkpoint/helpers.ts'

const text = z.string('a text')
const schema = z.strictObject(
  {
    texts: z.array(z.union([text, z.strictObject({ text, adapter: text.optional() })])).optional(),
    rank: z.int('a whole number').min(1, 'a number of 1 or more').optional(),
    exact: z.boolean('true or false').default(false),
    label: z.union([text, z.number()]).optional(),
    guard: z
      .strictObject({ margin: z.number('a number') })
      .nullable()
      .optional(),
    rows: z.union([z.int(), z.literal('auto')]).default('auto'),
  },
  'an object',
)
const read = (value: unknown) => parse(schema, value, 'the body', 'Correct it.')
const defaults = { exact: false, rows: 'auto' }

test.each([
  ['null for optional fields', { rank: null, exact: null, texts: null, label: null, rows: null }, defaults],
  ['null that the schema knows', { guard: null }, { ...defaults, guard: null }],
  ['null inside a list', { texts: ['a', { text: 'b', adapter: null }] }, { ...defaults, texts: ['a', { text: 'b' }] }],
  ['a number as text', { rank: '8', rows: '12' }, { ...defaults, rank: 8, rows: 12 }],
  ['a number as text where a text is allowed', { label: '8' }, { ...defaults, label: '8' }],
  ['true as text', { exact: 'true' }, { ...defaults, exact: true }],
  ['a list as text', { texts: '["a", {"text": "b", "adapter": null}]' }, { ...defaults, texts: ['a', { text: 'b' }] }],
  ['an object as text', { guard: '{"margin": "0.5"}' }, { ...defaults, guard: { margin: 0.5 } }],
])('%s is read as it is meant', (_, value, expected) => {
  expect(read(value)).toEqual(expected)
})

test.each<[string, unknown, ...string[]]>([
  ['a word as a number', { rank: 'eight' }, 'rank', 'a whole number', '"eight"'],
  ['a number out of bounds as text', { rank: '0' }, 'rank', 'a whole number', '"0"'],
  ['null in a list', { texts: [null] }, 'texts[0]', 'a text', 'null'],
  ['null in a required field', { guard: { margin: null } }, 'guard.margin', 'a number', 'null'],
  ['null for an unknown field', { rnak: null }, 'the body', 'an object', 'rnak'],
  ['a list where a text is needed', { texts: ['a', ['b']] }, 'texts[1]', 'a list of 1'],
])('%s is refused as the client sent it', async (_, value, ...words) => {
  await expectError((async () => read(value))(), 'body_invalid', ...words)
})

test('a training request of a client that sends null for all it does not set has only what it sets', () => {
  const given = Object.fromEntries(Object.keys(trainingRequest.shape).map((field) => [field, null]))
  expect(parse(trainingRequest, { ...given, dataset: 'films', rank: '4' }, 'the body', '')).toEqual(
    parse(trainingRequest, { dataset: 'films', rank: 4 }, 'the body', ''),
  )
})

test('a list that is longer than any valid one is read only once', () => {
  let checks = 0
  const item = z.custom(() => {
    checks++
    return false
  }, 'another item')
  expect(() => parse(z.object({ items: z.array(item) }), { items: Array(50_000).fill('x') }, '', '')).toThrow(
    'items[0]',
  )
  expect(checks).toBe(50_000)
})
