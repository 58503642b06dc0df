import { describe, expect, test } from 'vitest'
import { makeRandom, type Random } from '../../../core/random.ts'
import type { PairCounts } from '../../../training/comparison/mcnemar.ts'
import { accuracyOverSeeds, differenceOverSeeds } from '../../../training/comparison/over-seeds.ts'

/** A method whose seeds differ in accuracy, on examples of which some are harder than others. */
interface Method {
  accuracy: number
  /** The standard deviation of the accuracy over seeds. */
  deviation: number
}

/** Draws the correct answers of each seed: all seeds answer the same examples. */
function drawAnswers(method: Method, seeds: number, hardness: readonly number[], random: Random): boolean[][] {
  return Array.from({ length: seeds }, () => {
    const shift = method.deviation * random.normal()
    return hardness.map((hard) => random.uniform() < method.accuracy + shift + hard)
  })
}

/** Hard examples are hard for all seeds and methods. The mean hardness of all examples that could be drawn is 0. */
const drawHardness = (n: number, { uniform }: Random): number[] =>
  Array.from({ length: n }, () => (uniform() < 0.25 ? -0.3 : 0.1))

const share = (correct: readonly boolean[]): number => correct.filter(Boolean).length / correct.length

function countPair(first: readonly boolean[], second: readonly boolean[]): PairCounts {
  const wins = second.filter((correct, i) => correct && !first[i]).length
  const losses = first.filter((correct, i) => correct && !second[i]).length
  return { n: first.length, wins, losses }
}

const SWEEPS = 300

describe.each([
  [2, 300, 0.02],
  [3, 300, 0],
  [3, 300, 0.01],
  [5, 300, 0.03],
])('%i seeds on %i examples, whose accuracies deviate by %f', (seeds, n, deviation) => {
  test('the interval of the accuracy contains the true one in at least 94 % of sweeps', () => {
    const random = makeRandom(seeds, `accuracy of ${n}`)
    let covered = 0
    for (let i = 0; i < SWEEPS; i++) {
      const answers = drawAnswers({ accuracy: 0.85, deviation }, seeds, drawHardness(n, random), random)
      const [low, high] = accuracyOverSeeds(answers.map(share), n).interval
      covered += Number(low <= 0.85 && 0.85 <= high)
    }
    expect(covered / SWEEPS).toBeGreaterThan(0.94)
  })

  test('equally good methods are called different in at most 5 % of sweeps, and better ones are found', () => {
    const random = makeRandom(seeds, `difference of ${n}`)
    const foundRate = (gain: number) => {
      let found = 0
      for (let i = 0; i < SWEEPS; i++) {
        const hardness = drawHardness(n, random)
        const first = drawAnswers({ accuracy: 0.8, deviation }, seeds, hardness, random)
        const second = drawAnswers({ accuracy: 0.8 + gain, deviation }, seeds, hardness, random)
        const { p, interval } = differenceOverSeeds(first.map((answers, s) => countPair(answers, second[s])))
        expect(p < 0.05).toBe(interval[0] > 0 || interval[1] < 0)
        found += Number(p < 0.05)
      }
      return found / SWEEPS
    }
    expect(foundRate(0)).toBeLessThanOrEqual(0.05)
    expect(foundRate(0.1)).toBeGreaterThan(0.5)
  })
})

test('seeds that agree leave only the uncertainty of the examples, as in a single comparison', () => {
  const pair = { n: 1000, wins: 60, losses: 30 }
  const { mean, deviation, interval } = differenceOverSeeds([pair, pair, pair])
  expect([mean, deviation]).toEqual([0.03, 0])
  // The interval of McNemar's large-sample test: 0.03 ± 1.96 · sqrt(90 - 0.9) / 1000.
  expect(interval[0]).toBeCloseTo(0.03 - 0.0185, 2)
  expect(interval[1]).toBeCloseTo(0.03 + 0.0185, 2)
})

test('seeds that disagree widen the interval, and two of them hardly prove anything', () => {
  const agreeing = accuracyOverSeeds([0.9, 0.9], 5000).interval
  const disagreeing = accuracyOverSeeds([0.85, 0.95], 5000).interval
  expect(agreeing[1] - agreeing[0]).toBeLessThan(0.02)
  expect(disagreeing[1] - disagreeing[0]).toBeGreaterThan(0.25)
})

test('an accuracy of 1 is not certain, and no interval leaves the possible values', () => {
  const { mean, interval } = accuracyOverSeeds([1, 1, 1], 50)
  expect([mean, interval[1]]).toEqual([1, 1])
  expect(interval[0]).toBeLessThan(0.97)
  const { interval: ofDifference } = differenceOverSeeds([
    { n: 5, wins: 5, losses: 0 },
    { n: 5, wins: 0, losses: 5 },
  ])
  expect(ofDifference).toEqual([-1, 1])
})
