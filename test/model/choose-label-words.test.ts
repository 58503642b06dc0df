import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { chooseLabelWords } from '../../model/choose-label-words.ts'
import { labelTokens } from '../../model/label-words.ts'
import { makeTokenizer } from '../../model/tokenizer.ts'

const tokenizer = makeTokenizer(JSON.parse(readFileSync(`${packageRoot}/base/tokenizer.json`, 'utf8')), {})
const defaults = { negative: 'worst', positive: 'excellent' }
const choose = (labels: readonly string[], set: Record<string, string> = {}) =>
  chooseLabelWords(labels, { set, defaults }, tokenizer)
/** Returns label=word for each label, in the order of the labels. */
const pairsOf = (labels: readonly string[], set?: Record<string, string>) => {
  const words = new Map(Object.entries(choose(labels, set).words))
  return labels.map((label) => `${label}=${words.get(label)}`).join(' ')
}

test.each([
  'negative=worst positive=excellent',
  'Negative=worst Positive=excellent',
  'neg=worst pos=excellent',
  'false=worst true=excellent',
  '0=worst 1=excellent',
  '1=worst 2=excellent',
  '-1=worst 1=excellent',
  'LABEL_0=worst LABEL_1=excellent',
  '0.0=worst 4.0=excellent',
  'negative=worst neutral=okay positive=excellent',
  '0=worst 1=okay 2=excellent',
  '1=worst 2=bad 3=okay 4=good 5=excellent',
  '0=worst 1=bad 2=okay 3=good 4=excellent',
  '1=worst 2=bad 4=good 5=excellent',
  '★=worst ★★=bad ★★★=okay ★★★★=good ★★★★★=excellent',
  '1_star=worst 2_stars=bad 3_stars=okay 4_stars=good 5_stars=excellent',
  'very_negative=worst negative=bad neutral=okay positive=good very_positive=excellent',
  '1=worst 2=terrible 3=bad 4=poor 5=mediocre 6=okay 7=decent 8=good 9=great 10=excellent',
])('labels of sentiment get words of sentiment: %s', (pairs) => {
  const labels = pairs.split(' ').map((pair) => pair.split('=')[0])
  expect(pairsOf(labels)).toBe(pairs)
})

test.each([
  [['0', '1', '2', '3']],
  [['World', 'Sports', 'Business']],
  [['positive', 'negative', 'mixed']],
  [['-1', '0', '1']],
  [['0', '2', '3']],
  [['true', 'negative']],
])('the labels %j are not taken for sentiments', (labels) => {
  const { sentiments } = choose(labels)
  expect(sentiments).toEqual(labels.includes('true') ? ['negative', 'true'] : [])
})

test('a base without words of its own scores the ends of a scale by their names', () => {
  expect(chooseLabelWords(['0', '1'], {}, tokenizer).words).toEqual({ '0': 'negative', '1': 'positive' })
})

test('labels that are single tokens are their own words', () => {
  const { words, others, sentiments } = choose(['sports', 'business', 'World'])
  expect(words).toEqual({ sports: 'sports', business: 'business', World: 'World' })
  expect([others, sentiments]).toEqual([[], []])
})

test('a label of several tokens gets one of its words, and an unknown one a common word of no sentiment', () => {
  const { words, others } = choose(['very good', 'good', 'unputdownable', '电影', '👍'])
  expect(words.good).toBe('good')
  expect(words['very good']).toBe('very')
  expect(others).toEqual(['very good', 'unputdownable', '电影', '👍'])
  for (const label of ['电影', '👍']) expect(words[label]).toMatch(/^[a-z]{4,}$/)
})

test('the words that a user set come before all others, and are never given to another label', () => {
  expect(pairsOf(['0', '1'], { '0': 'excellent' })).toBe('0=excellent 1=perfect')
  expect(pairsOf(['negative', 'so so'], { 'so so': 'worst' })).toMatch(/^negative=\w+ so so=worst$/)
  expect(() => labelTokens(choose(['a', 'b'], { b: 'unputdownable' }).words, tokenizer)).toThrowError(
    /The word "unputdownable" of the label b is not a single token/,
  )
})

test('labels that differ only in case get different words', () => {
  const labels = ['Positive', 'positive', 'POSITIVE', 'negative']
  expect(new Set(labelTokens(choose(labels).words, tokenizer).tokens).size).toBe(4)
})

test('any labels get words that the base can tell apart, and always the same', () => {
  const label = fc.oneof(
    fc.constantFrom(...Object.getOwnPropertyNames(Object.prototype)),
    fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
    fc.integer({ min: -3, max: 12 }).map(String),
  )
  fc.assert(
    fc.property(fc.uniqueArray(label, { minLength: 2, maxLength: 40 }), (labels) => {
      const { words } = choose(labels)
      expect(Object.keys(words).sort()).toEqual(labels.toSorted())
      const { tokens } = labelTokens(words, tokenizer)
      expect(new Set(tokens).size).toBe(labels.length)
      expect(choose(labels).words).toEqual(words)
    }),
    { numRuns: 50 },
  )
})

test('a thousand labels that the base does not know get a thousand words', () => {
  const labels = Array.from({ length: 1000 }, (_, i) => `标签${i}`)
  expect(new Set(labelTokens(choose(labels).words, tokenizer).tokens).size).toBe(1000)
})
