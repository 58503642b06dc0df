import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { packageRoot } from '../../../core/entry.ts'
import { makeTokenizer } from '../../../model/tokenizer.ts'
import { type DatasetFacts, inspectDataset } from '../../../training/data/inspect.ts'
import { measureTexts } from '../../../training/data/text-facts.ts'
import { findingCodes } from '../../../training/findings.ts'

const tokenizer = makeTokenizer(JSON.parse(readFileSync(`${packageRoot}/base/tokenizer.json`, 'utf8')), {})

const inspect = (labels: Record<string, number>, facts: Partial<DatasetFacts> = {}) => {
  const counts = new Map(Object.entries(labels))
  return inspectDataset({
    rows: [...counts.values()].reduce((a, b) => a + b, 0),
    labels: counts,
    duplicates: 0,
    ...facts,
  })
}
const codesOf = (...args: Parameters<typeof inspect>) => inspect(...args).map(({ code }) => code)

test('a balanced data set with enough reviews has no findings', () => {
  expect(inspect({ positive: 40, negative: 35, mixed: 20 })).toEqual([])
  expect(inspect({ '0': 20, '1': 20 })).toEqual([])
  expect(inspect({ World: 30, Sports: 30, Business: 30, 'Sci/Tech': 30 })).toEqual([])
})

test.each([
  ['case', ['positive', 'Positive', 'POSITIVE']],
  ['spaces and dashes', ['very good', 'very-good', 'Very_Good']],
  ['a full stop', ['positive', 'positive.']],
  ['a missing letter', ['negative', 'negatve']],
  ['an additional letter', ['business', 'bussiness']],
  ['another letter', ['neutral', 'neutrel']],
  ['two swapped letters', ['positive', 'psoitive']],
  ['a letter of one of several words', ['very positive', 'very postive']],
])('labels that differ only in %s are pointed out', (_, labels) => {
  const [finding, ...others] = inspect({ ...Object.fromEntries(labels.map((label) => [label, 10])), other: 10 })
  expect(others).toEqual([])
  expect(finding).toMatchObject({ code: 'labels_alike', level: 'warning', count: labels.length })
  for (const label of labels) expect(finding.message).toContain(`“${label}”`)
})

test.each([
  [['+1', '-1']],
  [['C', 'C++']],
  [['topic1', 'topic2']],
  [['class a', 'class b']],
  [['good', 'food']],
  [['typical', 'atypical']],
  [['positive', 'negative']],
  [['1 star', '2 stars', '3 stars']],
])('the labels %j are different labels', (labels) => {
  expect(codesOf(Object.fromEntries(labels.map((label) => [label, 10])))).toEqual([])
})

test.each([
  ['short', 'topic '],
  ['long', 'word '.repeat(18)],
])('a thousand %s labels are inspected in little time', (_, name) => {
  const labels = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`${name}${i}`, 10]))
  const start = performance.now()
  expect(inspect(labels)).toEqual([])
  expect(performance.now() - start).toBeLessThan(20_000)
})

test('a header among the rows is recognized by the label that it has', () => {
  const [finding] = inspect({ positive: 20, negative: 20, Label: 1 })
  expect(finding).toMatchObject({ code: 'label_is_header', count: 1 })
  expect(finding.message).toBe(
    '1 review has the label “Label”, which is the usual name of a column. A header may be among the rows.',
  )
})

test('labels with fewer than five reviews are listed, the smallest first', () => {
  const [finding] = inspect({ a: 30, b: 30, c: 4, d: 1 })
  expect(finding).toMatchObject({ code: 'few_rows', count: 2 })
  expect(finding.message).toBe('2 labels have fewer than 5 reviews: “d” has 1 and “c” has 4.')
})

test('heavy imbalance is a warning with the accuracy of always giving the same answer', () => {
  const [finding] = inspect({ positive: 950, negative: 50 })
  expect(finding).toMatchObject({ code: 'imbalance', level: 'warning', share: 0.95 })
  expect(finding.message).toContain('An adapter that always answers “positive” would be right for 95.0 % of them.')
  expect(codesOf({ positive: 800, negative: 200 })).toEqual([])
})

test('duplicates are a note if they are few, and a warning if they are many', () => {
  expect(inspect({ a: 50, b: 50 }, { duplicates: 1 })).toMatchObject([
    { code: 'duplicate_texts', level: 'note', message: '1 review repeats an earlier text (1.0 %).' },
  ])
  expect(inspect({ a: 50, b: 50 }, { duplicates: 30 })).toMatchObject([{ level: 'warning', share: 0.3 }])
})

test('contradictions and texts of the test data among the training data are warnings', () => {
  expect(inspect({ a: 50, b: 50 }, { contradictory: 2, leaked: { count: 5, rows: 20 } })).toMatchObject([
    { code: 'contradictory_labels', count: 2, share: 0.02 },
    { code: 'leaked_texts', count: 5, share: 0.25 },
  ])
})

const ENGLISH =
  'The plot falls apart and the jokes are stale, but the cast of this sequel, led by Scarlett Johansson, is superb. I laughed out loud twice, and my daughter loved every minute of it, from start to finish.'

test.each([
  ['Chinese', '这部电影太棒了，演员演技很好'],
  ['Russian', 'Отличный фильм, прекрасная игра актёров и сценарий.'],
  ['Hindi', 'यह फिल्म बहुत अच्छी है'],
  ['Japanese', 'この映画は最高でした。もう一度見たいです。'],
])('text in %s is mostly unknown to a base of English words', (_, text) => {
  const texts = measureTexts(Array(20).fill({ text }), tokenizer)
  const [finding] = inspect({ a: 10, b: 10 }, { texts })
  expect(finding).toMatchObject({ code: 'unknown_tokens', level: 'warning', count: 20 })
  expect(finding.message).toMatch(/^Most of this text is unknown to the base: [\d.]+ % of its tokens\./)
})

test('text in a language whose words the base has to split is a warning', () => {
  const text =
    'Ein wunderbarer Film mit großartigen Schauspielern und einer spannenden Handlung, die mich nicht losgelassen hat.'
  const texts = measureTexts(Array(20).fill({ text }), tokenizer)
  expect(inspect({ a: 10, b: 10 }, { texts })).toMatchObject([{ code: 'split_words', level: 'warning' }])
})

test('a few reviews in another language are a note, and English has no finding', () => {
  const english = Array(97).fill({ text: ENGLISH })
  expect(inspect({ a: 50, b: 50 }, { texts: measureTexts(english, tokenizer) })).toEqual([])
  const texts = measureTexts([...english, ...Array(3).fill({ text: 'Отличный фильм' })], tokenizer)
  expect(inspect({ a: 50, b: 50 }, { texts })).toMatchObject([{ code: 'unknown_tokens', level: 'note', count: 3 }])
})

test('a large data set is measured on a sample', () => {
  expect(measureTexts(Array(50_000).fill({ text: 'A film.' }), tokenizer).rows).toBe(1000)
})

test('every finding of any data set is a short sentence with a number, whatever its labels are', () => {
  const label = fc.oneof(fc.constantFrom(...Object.getOwnPropertyNames(Object.prototype)), fc.string({ minLength: 1 }))
  fc.assert(
    fc.property(fc.array(fc.tuple(label, fc.integer({ min: 1, max: 500 })), { maxLength: 30 }), (pairs) => {
      const labels = new Map(pairs)
      const rows = [...labels.values()].reduce((a, b) => a + b, 0)
      for (const finding of inspectDataset({ rows, labels, duplicates: Math.floor(rows / 3) })) {
        expect(findingCodes).toContain(finding.code)
        expect(finding.message.length).toBeLessThan(3000)
        expect(finding.count).toBeGreaterThan(0)
        expect(finding.share ?? 0.5).toBeGreaterThan(0)
        expect(finding.share ?? 0.5).toBeLessThanOrEqual(1)
      }
    }),
  )
})

test('docs/labels.md explains every code', () => {
  const page = readFileSync(`${packageRoot}/docs/labels.md`, 'utf8')
  expect([...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code)).toEqual([...findingCodes])
})
