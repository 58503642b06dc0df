import { expect, test } from 'vitest'
import type { GraftError } from '../../../core/errors.ts'
import { mapLabels, scoresOf } from '../../../training/pipeline/map-labels.ts'

const OURS = ['negative', 'positive']

test.each<[string[], string[], Record<string, string>]>([
  [['NEGATIVE', 'POSITIVE'], OURS, { NEGATIVE: 'negative', POSITIVE: 'positive' }],
  [['POSITIVE', 'NEGATIVE'], OURS, { NEGATIVE: 'negative', POSITIVE: 'positive' }],
  [['LABEL_1', 'LABEL_0'], OURS, { LABEL_0: 'negative', LABEL_1: 'positive' }],
  [['NEG', 'POS'], ['0', '1'], { NEG: '0', POS: '1' }],
  [
    ['5 stars', '1 star', '3 stars', '2 stars', '4 stars'],
    ['1', '2', '3', '4', '5'],
    { '1 star': '1', '5 stars': '5' },
  ],
  [['Sports', 'politics'], ['politics', 'sports'], { Sports: 'sports', politics: 'politics' }],
])('the labels %j mean %j by their names', (found, targets, expected) => {
  const map = mapLabels(found, targets, 'x')
  expect(map.size).toBe(found.length)
  expect(Object.fromEntries(map)).toMatchObject(expected)
})

test.each([
  [['1 star', '2 stars', '3 stars', '4 stars', '5 stars'], OURS],
  [['NEGATIVE', 'NEUTRAL', 'POSITIVE'], OURS],
  [['joy', 'anger'], OURS],
  [
    ['NEGATIVE', 'POSITIVE'],
    ['a', 'b'],
  ],
])('the labels %j could mean anything beside %j, so they are refused with the flag that says it', (found, targets) => {
  const error = errorOf(() => mapLabels(found, targets, 'x'))
  expect(error.code).toBe('pipeline_invalid')
  for (const label of [...found, ...targets]) expect(error.message).toContain(label)
  expect(error.detail.fix).toContain('--pipeline-labels')
})

test('several labels can mean the same, and others do not count', () => {
  const given = { '1 star': 'negative', '2 stars': 'negative', '4 stars': 'positive', '5 stars': 'positive' }
  const map = mapLabels(['1 star', '2 stars', '3 stars', '4 stars', '5 stars'], OURS, 'x', given)
  const scores = [0.1, 0.1, 0.5, 0.1, 0.2].map((score, i) => ({ label: i === 0 ? '1 star' : `${i + 1} stars`, score }))
  const [negative, positive] = scoresOf(scores, OURS, map)
  expect(negative).toBeCloseTo(0.4, 10)
  expect(positive).toBeCloseTo(0.6, 10)
})

test('a label without a meaning, and a meaning that no adapter has, are refused', () => {
  expect(errorOf(() => mapLabels(['A', 'B'], OURS, 'x', { A: 'negative' })).message).toContain('means positive')
  expect(errorOf(() => mapLabels(['A', 'B'], OURS, 'x', { A: 'bad', B: 'positive' })).message).toContain('bad')
})

function errorOf(work: () => unknown): GraftError {
  try {
    work()
  } catch (error) {
    return error as GraftError
  }
  throw new Error('no error')
}
