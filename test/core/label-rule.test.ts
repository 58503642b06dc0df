import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { isLabel, labelRecord, listLabels, MAX_LABELS } from '../../core/label-rule.ts'

test.each([
  ['a word', 'positive'],
  ['a number', '3'],
  ['words of other scripts', 'très bien'],
  ['Chinese', '好评'],
  ['Persian with a joiner', 'می\u200cخواهم'],
  ['emoji', '❤️'],
  ['a joined emoji', '👨‍👩‍👧'],
  ['100 characters', '😀'.repeat(100)],
])('%s can be a label', (_, text) => expect(isLabel(text)).toBe(true))

test.each([
  ['nothing', ''],
  ['blanks', ' \u00a0'],
  ['more than 100 characters', 'x'.repeat(101)],
  ['a line break', 'a\nb'],
  ['U+0000', 'a\0'],
  ['an escape sequence', '\u001b[31mred'],
  ['a right-to-left override', 'a\u202eb'],
  ['half of a surrogate pair', '\ud83d'],
  ['hidden text in tags', `a${String.fromCodePoint(0xe0041)}`],
  ['hidden text in variation selectors', `a${String.fromCodePoint(0xe0101)}`],
  ['only an invisible character', '\u200d'],
  ['a filler', '\u3164'],
  ['the blank pattern of Braille', '\u2800'],
])('%s cannot be a label', (_, text) => expect(isLabel(text)).toBe(false))

const words = labelRecord(z.string())
const names = Object.getOwnPropertyNames(Object.prototype)
const labels = fc.oneof(fc.constantFrom(...names), fc.string({ unit: 'grapheme' }).filter(isLabel))

test('an object keyed by labels keeps all of them, also those that every object has', () => {
  fc.assert(
    fc.property(fc.uniqueArray(labels), (unique) => {
      const record = Object.fromEntries(unique.map((label, i) => [label, `word ${i}`]))
      expect(Object.entries(words.parse(record))).toEqual(Object.entries(record))
    }),
  )
  expect(Object.keys(words.parse(Object.fromEntries(names.map((name) => [name, 'word']))))).toEqual(names)
})

test('an object keyed by labels has no key that is not a label, and not too many', () => {
  const complaintOf = (value: unknown) => words.safeParse(value).error?.issues[0].message
  expect(complaintOf({ 'a\nb': 'word' })).toBe('labels of 1 to 100 printable characters')
  expect(complaintOf(Object.fromEntries(Array.from({ length: MAX_LABELS + 1 }, (_, i) => [`l${i}`, ''])))).toBe(
    'at most 1000 labels',
  )
  expect(complaintOf(JSON.parse('{"__proto__": 3}'))).toContain('expected string')
  expect(complaintOf([])).toContain('expected record')
})

test('a list of labels in an error is short', () => {
  expect(listLabels(['a', 'b'])).toBe('a, b')
  expect(listLabels(Array.from({ length: 22 }, (_, i) => `${i}`))).toMatch(/, 18, 19 and 2 more$/)
})
