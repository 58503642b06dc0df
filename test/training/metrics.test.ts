import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { computeMetrics, type Prediction, wilsonInterval } from '../../training/metrics.ts'

/** Makes predictions that are easy to reproduce in Python: integer weights, divided by their sum. */
function makePredictions(n: number, k: number): Prediction[] {
  return Array.from({ length: n }, (_, i) => {
    const weights = Array.from({ length: k }, (_, j) => ((i * 37 + j * 59 + i * i * j) % 101) + 1)
    const sum = weights.reduce((a, b) => a + b)
    const top = weights.indexOf(Math.max(...weights))
    const label = (i * 53) % 97 < 60 ? top : (i * 7) % k
    return { label, probabilities: weights.map((w) => w / sum), tokens: 1 + ((i * 31) % 700), truncated: i % 5 === 0 }
  })
}

// The numbers are from scikit-learn (accuracy_score, precision_recall_fscore_support, confusion_matrix, log_loss),
// statsmodels (proportion_confint(…, method='wilson')) and, for ECE, numpy: the sum over 15 bins (lo, hi] of
// share · |accuracy - mean confidence|.
describe('metrics equal those of scikit-learn and statsmodels', () => {
  test('for two labels', () => {
    const { n, accuracy, interval, f1, ece, log_loss, classes, confusion } = computeMetrics(makePredictions(300, 2), [
      'negative',
      'positive',
    ])
    expect({ n, accuracy, confusion }).toEqual({
      n: 300,
      accuracy: 0.82,
      confusion: [
        [124, 24],
        [30, 122],
      ],
    })
    expect(interval[0]).toBeCloseTo(0.7725668011129554, 12)
    expect(interval[1]).toBeCloseTo(0.859341697303335, 12)
    expect(f1).toBeCloseTo(0.8199919996444287, 12)
    expect(ece).toBeCloseTo(0.1439695486171501, 12)
    expect(log_loss).toBeCloseTo(0.539214036817265, 12)
    expect(classes.map(({ label, n }) => [label, n])).toEqual([
      ['negative', 148],
      ['positive', 152],
    ])
    expect(classes.map(({ precision, recall, f1 }) => [precision, recall, f1].map((x) => x.toFixed(8)))).toEqual([
      ['0.80519481', '0.83783784', '0.82119205'],
      ['0.83561644', '0.80263158', '0.81879195'],
    ])
  })

  test('for three labels', () => {
    const { accuracy, interval, f1, ece, log_loss, confusion } = computeMetrics(makePredictions(500, 3), [
      'a',
      'b',
      'c',
    ])
    expect({ accuracy, confusion }).toEqual({
      accuracy: 0.746,
      confusion: [
        [149, 16, 22],
        [25, 96, 23],
        [24, 17, 128],
      ],
    })
    expect(interval[0]).toBeCloseTo(0.7060690794081029, 12)
    expect(f1).toBeCloseTo(0.7419535630061946, 12)
    expect(ece).toBeCloseTo(0.22845702099193646, 12)
    expect(log_loss).toBeCloseTo(0.9148828854045273, 12)
  })

  test.each([
    [0, 10, 0, 0.27753279986288926],
    [10, 10, 0.7224672001371106, 1],
    [9150, 10000, 0.9093733864591546, 0.9203078948931839],
    [1, 3, 0.06149194472039626, 0.7923403991979523],
  ])('for the interval of %i successes in %i trials', (successes, trials, low, high) => {
    expect(wilsonInterval(successes, trials)[0]).toBeCloseTo(low, 12)
    expect(wilsonInterval(successes, trials)[1]).toBeCloseTo(high, 12)
  })
})

test('every example is in one slice by length, and empty slices are left out', () => {
  const all = makePredictions(400, 2)
  const { slices, accuracy } = computeMetrics(all, ['a', 'b'])
  expect(slices.map(({ name }) => name)).toEqual([
    'up to 128 tokens',
    '129 to 256',
    '257 to 512',
    'over 512',
    'truncated',
  ])
  expect(slices.reduce((sum, { n }) => sum + n, 0)).toBe(400)
  expect(slices.reduce((sum, { n, accuracy }) => sum + n * accuracy, 0)).toBeCloseTo(400 * accuracy, 9)
  expect(slices[4].n).toBe(80)
  expect(computeMetrics(all.slice(0, 1), ['a', 'b']).slices.map(({ name }) => name)).toEqual(['truncated'])
})

test('a label has precision 0 if it is never predicted, and recall 0 if no example has it', () => {
  const one = { label: 0, probabilities: [0.9, 0.1, 0], tokens: 3, truncated: false }
  const { classes, f1 } = computeMetrics([one, { ...one, label: 1 }], ['a', 'b', 'c'])
  expect(classes[1]).toEqual({ label: 'b', n: 1, precision: 0, recall: 0, f1: 0 })
  expect(classes[2]).toEqual({ label: 'c', n: 0, precision: 0, recall: 0, f1: 0 })
  expect(f1).toBeCloseTo(2 / 9, 12)
})

test('the interval contains the accuracy, and gets narrower with more examples', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
      const correct = Math.round(n * share)
      const [low, high] = wilsonInterval(correct, n)
      expect(low).toBeLessThanOrEqual(correct / n + 1e-12)
      expect(high).toBeGreaterThanOrEqual(correct / n - 1e-12)
      const [lower, higher] = wilsonInterval(10 * correct, 10 * n)
      expect(higher - lower).toBeLessThan(high - low)
    }),
  )
})

test('the log loss is finite even if a true label has probability 0', () => {
  const wrong = { label: 0, probabilities: [0, 1], tokens: 3, truncated: false }
  expect(computeMetrics([wrong], ['a', 'b']).log_loss).toBeCloseTo(52 * Math.LN2, 12)
})

test('the scores at temperature 1 are given if the adapter has another temperature', () => {
  const one = { label: 0, probabilities: [0.75, 0.25], tokens: 3, truncated: false }
  expect(computeMetrics([one], ['a', 'b'])).not.toHaveProperty('uncalibrated')
  const { ece, log_loss, uncalibrated } = computeMetrics([{ ...one, uncalibrated: [0.9, 0.1] }], ['a', 'b'])
  expect([ece, log_loss]).toEqual([0.25, expect.closeTo(-Math.log(0.75), 12)])
  expect(uncalibrated).toEqual({ ece: expect.closeTo(0.1, 12), log_loss: expect.closeTo(-Math.log(0.9), 12) })
})

test('probabilities that are not numbers are an error', () => {
  const broken = { label: 0, probabilities: [Number.NaN, Number.NaN], tokens: 3, truncated: false }
  expect(() => computeMetrics([broken], ['a', 'b'])).toThrowError(
    expect.objectContaining({ code: 'training_diverged' }),
  )
})

test('metrics of no predictions are an error', () => {
  expect(() => computeMetrics([], ['a', 'b'])).toThrowError(expect.objectContaining({ code: 'data_empty' }))
})
