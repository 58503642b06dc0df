import { describe, expect, test } from 'vitest'
import { compare } from '../../../training/comparison/compare.ts'
import type { AdapterPredictions, ComparedExample } from '../../../training/comparison/comparison.ts'
import type { Prediction } from '../../../training/metrics.ts'

const labels = ['negative', 'positive']

/** Makes examples whose labels alternate. Every third one is long. */
const makeExamples = (n: number): ComparedExample[] =>
  Array.from({ length: n }, (_, i) => ({
    id: `r${i}`,
    text: `review ${i}`,
    label: labels[i % 2],
    tokens: i % 3 === 0 ? 300 : 100,
  }))

/** Makes the predictions of an adapter that is wrong in these rows. */
function makeAdapter(name: string, n: number, wrong: (row: number) => boolean, probability = 0.8): AdapterPredictions {
  const predictions = Array.from({ length: n }, (_, row): Prediction => {
    const label = row % 2
    const predicted = wrong(row) ? 1 - label : label
    const probabilities = labels.map((_, i) => (i === predicted ? probability : 1 - probability))
    return { label, probabilities, tokens: 64, truncated: true }
  })
  return { name, labels, predictions }
}

const within =
  (from: number, to: number) =>
  (row: number): boolean =>
    row >= from && row < to

describe('a verdict', () => {
  test('names the better adapter and gives the numbers for it, in whichever order the adapters are', () => {
    const n = 2000
    const better = makeAdapter('new', n, within(161, 198))
    const comparison = compare(makeExamples(n), [makeAdapter('old', n, within(0, 61)), better])
    expect(comparison.pairs[0]).toMatchObject({ wins: 61, losses: 37, difference: 0.012, better: 'new' })
    expect(comparison.verdict).toBe('new is better: 1.2 points [0.2, 2.2], 61 wins against 37')
    const reversed = compare(makeExamples(n), [better, makeAdapter('old', n, within(0, 61))])
    expect(reversed.verdict).toBe(comparison.verdict)
    expect(reversed.pairs[0]).toMatchObject({ wins: 37, losses: 61, difference: -0.012, better: 'new' })
  })

  test('that is undecided says how large a difference would have shown', () => {
    const n = 500
    const { verdict, pairs, smallest_detectable } = compare(makeExamples(n), [
      makeAdapter('A', n, within(0, 22)),
      makeAdapter('B', n, within(22, 40)),
    ])
    expect(pairs[0]).toMatchObject({ better: null, wins: 22, losses: 18 })
    expect(pairs[0].mcnemar_p).toBeCloseTo(0.6358280026288279, 10)
    expect(smallest_detectable).toBe(pairs[0].smallest_detectable)
    expect(verdict).toBe(
      'cannot tell: a difference under 3.7 points would not show on 500 reviews (B is ahead by 0.8 points [-1.8, 3.4], 22 wins against 18)',
    )
  })

  test('on a single review is undecided', () => {
    const { verdict, pairs, smallest_detectable } = compare(makeExamples(1), [
      makeAdapter('A', 1, () => true),
      makeAdapter('B', 1, () => false),
    ])
    expect(pairs[0]).toMatchObject({ difference: 1, wins: 1, losses: 0, mcnemar_p: 1, better: null })
    expect(smallest_detectable).toBeNull()
    expect(verdict).toMatch(
      /^cannot tell: no difference would show on 1 review \(B is ahead by 100\.0 points \[.*, 100\.0\]/,
    )
  })

  test('on adapters without errors is undecided, but does not claim that they are equal', () => {
    const { adapters, pairs, verdict, disagreements, flipped } = compare(makeExamples(200), [
      makeAdapter('A', 200, () => false),
      makeAdapter('B', 200, () => false),
    ])
    expect(adapters.map(({ accuracy }) => accuracy)).toEqual([1, 1])
    expect(pairs[0]).toMatchObject({ difference: 0, mcnemar_p: 1, adjusted_p: 1, better: null })
    expect(pairs[0].interval[0]).toBeLessThan(0)
    expect(pairs[0].interval[1]).toBeGreaterThan(0)
    expect({ disagreements, flipped }).toEqual({ disagreements: 0, flipped: [] })
    expect(verdict).toBe(
      'cannot tell: a difference under 3.9 points would not show on 200 reviews (there is no review on which only one of them is correct)',
    )
  })
})

describe('three adapters', () => {
  const n = 1000
  const good = makeAdapter('good', n, within(0, 20))
  const alike = makeAdapter('alike', n, within(10, 32))
  const bad = makeAdapter('bad', n, within(200, 300))

  test('are ordered as far as their differences are significant', () => {
    const { verdict, pairs } = compare(makeExamples(n), [bad, alike, good])
    expect(pairs.map(({ a, b, better }) => [a, b, better])).toEqual([
      ['bad', 'alike', 'alike'],
      ['bad', 'good', 'good'],
      ['alike', 'good', null],
    ])
    expect(verdict).toBe(
      'good is better than bad; alike is better than bad; cannot tell alike from good (by accuracy good 98.0 %, alike 97.8 %, bad 90.0 %)',
    )
  })

  test('have p values adjusted for all three pairs, and smallest differences for an equally strict level', () => {
    const three = compare(makeExamples(n), [bad, alike, good])
    const two = compare(makeExamples(n), [alike, good])
    const [, , pair] = three.pairs
    expect(pair.mcnemar_p).toBe(two.pairs[0].mcnemar_p)
    const [first] = [...three.pairs].sort((x, y) => x.mcnemar_p - y.mcnemar_p)
    expect(first.adjusted_p).toBeCloseTo(3 * first.mcnemar_p, 12)
    expect(pair.smallest_detectable).toBeGreaterThan(two.pairs[0].smallest_detectable as number)
    expect(three.smallest_detectable).toBe(Math.max(...three.pairs.map((each) => each.smallest_detectable as number)))
  })

  test('without significant differences have an undecided verdict', () => {
    const { verdict } = compare(makeExamples(90), [
      makeAdapter('A', 90, within(0, 9)),
      makeAdapter('B', 90, within(9, 17)),
      makeAdapter('C', 90, within(17, 25)),
    ])
    expect(verdict).toMatch(
      /^cannot tell any of them apart: a difference under \d+\.\d points would not show on 90 reviews \(by accuracy B 91\.1 %, C 91\.1 %, A 90\.0 %\)$/,
    )
  })
})

describe('slices', () => {
  test('contain every review once by its whole length and once by its label, with the accuracy of each adapter', () => {
    const n = 60
    const { slices } = compare(makeExamples(n), [makeAdapter('A', n, within(0, 30)), makeAdapter('B', n, () => false)])
    expect(slices.map(({ by, name, n }) => [by, name, n])).toEqual([
      ['length', 'up to 128 tokens', 40],
      ['length', '257 to 512', 20],
      ['label', 'negative', 30],
      ['label', 'positive', 30],
    ])
    for (const { adapters } of slices) expect(adapters.map(({ accuracy }) => accuracy)).toEqual([0.5, 1])
  })
})

describe('flipped reviews', () => {
  test('have the answers of both adapters, and those with the highest probabilities come first', () => {
    const n = 10
    const sure = makeAdapter('sure', n, () => false, 0.9)
    const other = makeAdapter('other', n, within(2, 5), 0.6)
    Object.assign(other.predictions[4], { probabilities: [0.05, 0.95].map((p) => p) })
    const { flipped, disagreements } = compare(makeExamples(n), [sure, other])
    expect(disagreements).toBe(3)
    expect(flipped.map(({ row }) => row)).toEqual([5, 3, 4])
    expect(flipped[0]).toEqual({
      id: 'r4',
      row: 5,
      label: 'negative',
      text: 'review 4',
      answers: [
        { label: 'negative', probability: 0.9, right: true },
        { label: 'positive', probability: 0.95, right: false },
      ],
    })
  })

  test('are at most 50, each on one line without terminal control characters', () => {
    const n = 200
    const strange = makeExamples(n).map((review) => ({ ...review, text: `\u001b[31mred\n\ttext\0 ${'𝔊'.repeat(400)}` }))
    const { flipped, disagreements } = compare(strange, [
      makeAdapter('A', n, () => false),
      makeAdapter('B', n, within(0, 120)),
    ])
    expect([flipped.length, disagreements]).toEqual([50, 120])
    expect([...flipped[0].text]).toHaveLength(160)
    expect(flipped[0].text).toMatch(/^\[31mred text 𝔊+…$/u)
  })
})

test('adapters may have their labels in different orders', () => {
  const reversed: AdapterPredictions = {
    name: 'reversed',
    labels: ['positive', 'negative'],
    predictions: makeAdapter('', 4, () => false).predictions.map((answer) => ({
      ...answer,
      label: 1 - answer.label,
      probabilities: answer.probabilities.toReversed(),
    })),
  }
  const { disagreements, adapters } = compare(makeExamples(4), [makeAdapter('A', 4, () => false), reversed])
  expect(disagreements).toBe(0)
  expect(adapters[1]).toMatchObject({ accuracy: 1, f1: 1 })
})

test('a comparison needs at least one review', () => {
  expect(() => compare([], [makeAdapter('A', 0, () => false), makeAdapter('B', 0, () => false)])).toThrow(
    'at least one review',
  )
})
