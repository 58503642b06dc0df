import { describe, expect, test } from 'vitest'
import { compare } from '../../../training/comparison/compare.ts'
import type { Answered, ComparedReview } from '../../../training/comparison/comparison.ts'
import type { Answer } from '../../../training/metrics.ts'

const labels = ['negative', 'positive']

/** Reviews whose labels alternate, and of which every third is long. */
const reviews = (n: number): ComparedReview[] =>
  Array.from({ length: n }, (_, i) => ({
    id: `r${i}`,
    text: `review ${i}`,
    label: labels[i % 2],
    tokens: i % 3 === 0 ? 300 : 100,
  }))

/** An adapter that is wrong in these rows, and says so with this probability. */
function adapter(name: string, n: number, wrong: (row: number) => boolean, probability = 0.8): Answered {
  const answers = Array.from({ length: n }, (_, row): Answer => {
    const label = row % 2
    const said = wrong(row) ? 1 - label : label
    const probabilities = labels.map((_, i) => (i === said ? probability : 1 - probability))
    return { label, probabilities, tokens: 64, truncated: true }
  })
  return { name, labels, answers }
}

const within =
  (from: number, to: number) =>
  (row: number): boolean =>
    row >= from && row < to

describe('a verdict', () => {
  test('names the better one with what its numbers carry, from its own side whichever comes first', () => {
    const n = 2000
    const clear = adapter('new', n, within(161, 198))
    const found = compare(reviews(n), [adapter('old', n, within(0, 61)), clear])
    expect(found.pairs[0]).toMatchObject({ wins: 61, losses: 37, difference: 0.012, better: 'new' })
    expect(found.verdict).toBe('new is better: 1.2 points [0.2, 2.2], 61 wins against 37')
    const back = compare(reviews(n), [clear, adapter('old', n, within(0, 61))])
    expect(back.verdict).toBe(found.verdict)
    expect(back.pairs[0]).toMatchObject({ wins: 37, losses: 61, difference: -0.012, better: 'new' })
  })

  test('that cannot tell says how large a difference these reviews would have shown', () => {
    const n = 500
    const { verdict, pairs, smallest_detectable } = compare(reviews(n), [
      adapter('A', n, within(0, 22)),
      adapter('B', n, within(22, 40)),
    ])
    expect(pairs[0]).toMatchObject({ better: null, wins: 22, losses: 18 })
    expect(pairs[0].mcnemar_p).toBeCloseTo(0.6358280026288279, 10)
    expect(smallest_detectable).toBe(pairs[0].smallest_detectable)
    expect(verdict).toBe(
      'cannot tell: a difference under 3.7 points would not show on 500 reviews (B is ahead by 0.8 points [-1.8, 3.4], 22 wins against 18)',
    )
  })

  test('of one review is that nothing can be told', () => {
    const { verdict, pairs, smallest_detectable } = compare(reviews(1), [
      adapter('A', 1, () => true),
      adapter('B', 1, () => false),
    ])
    expect(pairs[0]).toMatchObject({ difference: 1, wins: 1, losses: 0, mcnemar_p: 1, better: null })
    expect(smallest_detectable).toBeNull()
    expect(verdict).toMatch(
      /^cannot tell: no difference would show on 1 review \(B is ahead by 100\.0 points \[.*, 100\.0\]/,
    )
  })

  test('where both have everything right calls for no difference, and does not claim that there is none', () => {
    const { adapters, pairs, verdict, disagreements, flipped } = compare(reviews(200), [
      adapter('A', 200, () => false),
      adapter('B', 200, () => false),
    ])
    expect(adapters.map(({ accuracy }) => accuracy)).toEqual([1, 1])
    expect(pairs[0]).toMatchObject({ difference: 0, mcnemar_p: 1, adjusted_p: 1, better: null })
    expect(pairs[0].interval[0]).toBeLessThan(0)
    expect(pairs[0].interval[1]).toBeGreaterThan(0)
    expect({ disagreements, flipped }).toEqual({ disagreements: 0, flipped: [] })
    expect(verdict).toBe(
      'cannot tell: a difference under 3.9 points would not show on 200 reviews (there is none that one has right and the other wrong)',
    )
  })
})

describe('three adapters', () => {
  const n = 1000
  const good = adapter('good', n, within(0, 20))
  const alike = adapter('alike', n, within(10, 32))
  const bad = adapter('bad', n, within(200, 300))

  test('are put in an order as far as each can be told from each', () => {
    const { verdict, pairs } = compare(reviews(n), [bad, alike, good])
    expect(pairs.map(({ a, b, better }) => [a, b, better])).toEqual([
      ['bad', 'alike', 'alike'],
      ['bad', 'good', 'good'],
      ['alike', 'good', null],
    ])
    expect(verdict).toBe(
      'good is better than bad; alike is better than bad; cannot tell alike from good (by accuracy good 98.0 %, alike 97.8 %, bad 90.0 %)',
    )
  })

  test('take p values adjusted for all three pairs, and a level as strict for the smallest difference', () => {
    const three = compare(reviews(n), [bad, alike, good])
    const two = compare(reviews(n), [alike, good])
    const [, , pair] = three.pairs
    expect(pair.mcnemar_p).toBe(two.pairs[0].mcnemar_p)
    const [first] = [...three.pairs].sort((x, y) => x.mcnemar_p - y.mcnemar_p)
    expect(first.adjusted_p).toBeCloseTo(3 * first.mcnemar_p, 12)
    expect(pair.smallest_detectable).toBeGreaterThan(two.pairs[0].smallest_detectable as number)
    expect(three.smallest_detectable).toBe(Math.max(...three.pairs.map((each) => each.smallest_detectable as number)))
  })

  test('of which none can be told from another are said to be so', () => {
    const { verdict } = compare(reviews(90), [
      adapter('A', 90, within(0, 9)),
      adapter('B', 90, within(9, 17)),
      adapter('C', 90, within(17, 25)),
    ])
    expect(verdict).toMatch(
      /^cannot tell any of them apart: a difference under \d+\.\d points would not show on 90 reviews \(by accuracy B 91\.1 %, C 91\.1 %, A 90\.0 %\)$/,
    )
  })
})

describe('slices', () => {
  test('hold every review once by its whole length and once by label, with the accuracy of each adapter', () => {
    const n = 60
    const { slices } = compare(reviews(n), [adapter('A', n, within(0, 30)), adapter('B', n, () => false)])
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
  test('come with both answers, those first that contradict each other with most certainty', () => {
    const n = 10
    const sure = adapter('sure', n, () => false, 0.9)
    const other = adapter('other', n, within(2, 5), 0.6)
    Object.assign(other.answers[4], { probabilities: [0.05, 0.95].map((p) => p) })
    const { flipped, disagreements } = compare(reviews(n), [sure, other])
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

  test('are at most 50, each a line that steers no terminal', () => {
    const n = 200
    const strange = reviews(n).map((review) => ({ ...review, text: `\u001b[31mred\n\ttext\0 ${'𝔊'.repeat(400)}` }))
    const { flipped, disagreements } = compare(strange, [adapter('A', n, () => false), adapter('B', n, within(0, 120))])
    expect([flipped.length, disagreements]).toEqual([50, 120])
    expect([...flipped[0].text]).toHaveLength(160)
    expect(flipped[0].text).toMatch(/^\[31mred text 𝔊+…$/u)
  })
})

test('adapters may name their labels in orders of their own', () => {
  const turned: Answered = {
    name: 'turned',
    labels: ['positive', 'negative'],
    answers: adapter('', 4, () => false).answers.map((answer) => ({
      ...answer,
      label: 1 - answer.label,
      probabilities: answer.probabilities.toReversed(),
    })),
  }
  const { disagreements, adapters } = compare(reviews(4), [adapter('A', 4, () => false), turned])
  expect(disagreements).toBe(0)
  expect(adapters[1]).toMatchObject({ accuracy: 1, f1: 1 })
})

test('nothing is compared on no review', () => {
  expect(() => compare([], [adapter('A', 0, () => false), adapter('B', 0, () => false)])).toThrow('one review or more')
})
