import { expect, test } from 'vitest'
import { z } from 'zod'
import { describe as inWords } from '../../../core/describe.ts'
import { classifyRequest } from '../../../platform/schemas/classify.ts'
import { parse } from '../../../platform/schemas/parse.ts'

const wrong = (value: unknown) => {
  try {
    parse(classifyRequest, value, 'the body', 'Fix it.')
  } catch (error) {
    return (error as { detail: unknown }).detail
  }
  return undefined
}

test('a value that fits is read', () => {
  expect(parse(classifyRequest, { inputs: ['a'] }, 'the body', '')).toEqual({ inputs: ['a'] })
})

test('an error names the field, what was expected there and what came', () => {
  expect(wrong({ inputs: ['a', { text: 7 }] })).toEqual({
    subject: 'inputs[1].text',
    expected: 'a text',
    found: 'the number 7',
    fix: 'Fix it.',
  })
  expect(wrong([])).toMatchObject({ subject: 'the body', expected: 'an object with inputs, adapter, adapters' })
  expect(wrong(null)).toMatchObject({ subject: 'the body', found: 'null' })
  expect(wrong({})).toMatchObject({ subject: 'inputs', expected: 'a list of texts', found: 'nothing' })
  expect(wrong({ inputs: 'a' })).toMatchObject({ subject: 'inputs', found: '"a"' })
  expect(wrong({ inputs: ['a'], adapter: '' })).toMatchObject({ subject: 'adapter', found: '""' })
})

test('a field that is not known is named, with those that are', () => {
  expect(wrong({ inputs: ['a'], adaptor: 'b' })).toMatchObject({
    subject: 'the body',
    expected: 'only inputs, adapter, adapters',
    found: 'the field "adaptor"',
  })
  expect(wrong({ inputs: [{ text: 'a', adaptor: 'b' }] })).toMatchObject({
    subject: 'inputs[0]',
    expected: 'only text, adapter',
    found: 'the field "adaptor"',
  })
  expect(wrong(JSON.parse('{"inputs":["a"],"__proto__":{}}'))).toMatchObject({ found: 'the field "__proto__"' })
})

test('a union inside a union is followed to the fault', () => {
  const schema = z.union([z.string(), z.strictObject({ a: z.union([z.int(), z.strictObject({ b: z.literal('c') })]) })])
  expect(() => parse(schema, { a: { b: 'd' } }, 'it', '')).toThrow(/^a\.b: /)
})

test('a value is told in a few words, however large or deep it is', () => {
  let deep: unknown = []
  for (let i = 0; i < 100_000; i++) deep = [deep]
  expect(inWords(deep)).toBe('a list of 1')
  expect(inWords('x'.repeat(1e6)).length).toBeLessThan(80)
  expect([undefined, null, true, 1.5, [], [1], {}, '\ud800'].map(inWords)).toEqual([
    'nothing',
    'null',
    'the boolean true',
    'the number 1.5',
    'an empty list',
    'a list of 1',
    'an object',
    '"\\ud800"',
  ])
})
