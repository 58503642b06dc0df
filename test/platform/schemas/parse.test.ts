import { expect, test } from 'vitest'
import { z } from 'zod'
import { describeValue } from '../../../core/describe.ts'
import { classifyRequest } from '../../../platform/schemas/classify.ts'
import { parse } from '../../../platform/schemas/parse.ts'

const faultOf = (value: unknown) => {
  try {
    parse(classifyRequest, value, 'the body', 'Fix it.')
  } catch (error) {
    return (error as { detail: unknown }).detail
  }
  return undefined
}

test('a valid value is parsed', () => {
  expect(parse(classifyRequest, { inputs: ['a'] }, 'the body', '')).toEqual({ inputs: ['a'] })
})

test('an error names the field, what was expected and what was found', () => {
  expect(faultOf({ inputs: ['a', { text: 7 }] })).toEqual({
    subject: 'inputs[1].text',
    expected: 'a text',
    found: 'the number 7',
    fix: 'Fix it.',
  })
  expect(faultOf([])).toMatchObject({
    subject: 'the body',
    expected: 'an object with inputs, adapter, adapters, explain',
  })
  expect(faultOf(null)).toMatchObject({ subject: 'the body', found: 'null' })
  expect(faultOf({})).toMatchObject({ subject: 'inputs', expected: 'a list of texts', found: 'nothing' })
  expect(faultOf({ inputs: 'a' })).toMatchObject({ subject: 'inputs', found: '"a"' })
  expect(faultOf({ inputs: ['a'], adapter: '' })).toMatchObject({ subject: 'adapter', found: '""' })
})

test('the error of an unknown field names it and the known ones', () => {
  expect(faultOf({ inputs: ['a'], adaptor: 'b' })).toMatchObject({
    subject: 'the body',
    expected: 'only inputs, adapter, adapters, explain',
    found: 'the field "adaptor"',
  })
  expect(faultOf({ inputs: [{ text: 'a', adaptor: 'b' }] })).toMatchObject({
    subject: 'inputs[0]',
    expected: 'only text, adapter',
    found: 'the field "adaptor"',
  })
  expect(faultOf(JSON.parse('{"inputs":["a"],"__proto__":{}}'))).toMatchObject({ found: 'the field "__proto__"' })
})

test('in a union inside a union, the error names the innermost field', () => {
  const schema = z.union([z.string(), z.strictObject({ a: z.union([z.int(), z.strictObject({ b: z.literal('c') })]) })])
  expect(() => parse(schema, { a: { b: 'd' } }, 'it', '')).toThrow(/^a\.b: /)
})

test('a value is described in a few words, however large or deep it is', () => {
  let deep: unknown = []
  for (let i = 0; i < 100_000; i++) deep = [deep]
  expect(describeValue(deep)).toBe('a list of 1')
  expect(describeValue('x'.repeat(1e6)).length).toBeLessThan(80)
  expect([undefined, null, true, 1.5, [], [1], {}, '\ud800'].map(describeValue)).toEqual([
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
