import { expect, test } from 'vitest'
import { runBaseline } from '../../platform/offline/baseline.ts'
import { measureBaseline } from '../../training/baseline/baseline.ts'
import { trainLogistic } from '../../training/baseline/logistic-regression.ts'
import { minimize } from '../../training/baseline/minimize.ts'
import { findFeatures } from '../../training/baseline/ngrams.ts'
import { expectError } from '../checkpoint/helpers.ts'
import { makeReviews, writeReviews } from './tiny.ts'

const toExamples = (rows: readonly { text: string; label: string }[]) =>
  rows.map((row, i) => ({ id: String(i + 1), ...row }))
const unending = new AbortController().signal

test('the baseline learns which words decide, and equal data give equal results', async () => {
  const [data, test] = [writeReviews(makeReviews(200)), writeReviews(makeReviews(80, 1))]
  const { result, seconds } = await runBaseline({ data, test }, unending)
  expect(result).toMatchObject({ n: 80, accuracy: 1 })
  expect(result.trainable).toBeGreaterThan(100)
  expect(seconds).toBeGreaterThan(0)
  const again = measureBaseline(toExamples(makeReviews(200)), toExamples(makeReviews(80, 1)))
  expect(again).toEqual(result)
})

test('a pair of words can decide if no single word does', () => {
  const make = (text: string, label: string) => Array.from({ length: 4 }, () => ({ text, label }))
  const rows = [
    ...make('not good but bad', 'negative'),
    ...make('not bad but good', 'positive'),
    ...make('good but not bad', 'positive'),
    ...make('bad but not good', 'negative'),
  ]
  expect(measureBaseline(toExamples(rows), toExamples(rows)).accuracy).toBe(1)
})

test('with three labels, each is recognized', () => {
  const words = { bad: 'awful', fine: 'decent', good: 'superb' }
  const rows = Object.entries(words).flatMap(([label, word]) =>
    Array.from({ length: 5 }, () => ({ text: `the ${word} film`, label })),
  )
  const { accuracy, f1 } = measureBaseline(toExamples(rows), toExamples(rows))
  expect([accuracy, f1]).toEqual([1, 1])
})

test('a feature counts by its logarithm and its rarity, and the row of a text has length 1', () => {
  const { size, weigh } = findFeatures(['film film film good', 'film good', 'good', 'unique words'])
  // film, good and their pairs film film (in one text only, so left out) and film good.
  expect(size).toBe(3)
  const { starts, columns, values } = weigh(['Film, film; good!', 'unknown words'])
  expect([...starts]).toEqual([0, 3, 3])
  expect([...columns]).toEqual([0, 1, 2])
  const rarity = (texts: number) => 1 + Math.log(5 / (1 + texts))
  const expected = [(1 + Math.log(2)) * rarity(2), rarity(3), rarity(2)]
  const length = Math.hypot(...expected)
  for (const [i, weight] of expected.entries()) expect(values[i]).toBeCloseTo(weight / length, 6)
})

test('the regression is at the minimum of its loss and penalty', () => {
  const rows = findFeatures(['good film', 'good film', 'bad film', 'bad film']).weigh(['good film', 'bad film'])
  const weights = trainLogistic(rows, 5, [true, false])
  // At the minimum, each weight equals the pull of the examples on it: C · Σ (y - p) x.
  const scoreOf = (row: number) => {
    let sum = weights[5]
    for (let k = rows.starts[row]; k < rows.starts[row + 1]; k++) sum += weights[rows.columns[k]] * rows.values[k]
    return sum
  }
  const pulls = new Float64Array(5)
  for (const [row, y] of [1, 0].entries()) {
    const p = 1 / (1 + Math.exp(-scoreOf(row)))
    for (let k = rows.starts[row]; k < rows.starts[row + 1]; k++)
      pulls[rows.columns[k]] += 10 * (y - p) * rows.values[k]
  }
  for (const [i, pull] of pulls.entries()) expect(weights[i]).toBeCloseTo(pull, 2)
  expect(Math.max(...pulls)).toBeGreaterThan(0.5)
})

test('the minimum of an ill-conditioned bowl is found', () => {
  const scales = [1, 10, 1000]
  const target = [3, -2, 0.5]
  const found = minimize(3, (x, gradient) => {
    let value = 0
    for (const [i, scale] of scales.entries()) {
      gradient[i] = scale * (x[i] - target[i])
      value += 0.5 * scale * (x[i] - target[i]) ** 2
    }
    return value
  })
  for (const [i, value] of target.entries()) expect(found[i]).toBeCloseTo(value, 1)
})

test('invalid data are an error with the line, and the process can be killed', async () => {
  const data = writeReviews(makeReviews(20))
  const unknown = writeReviews([{ text: 'A film.', label: 'mixed' }])
  await expectError(runBaseline({ data, test: unknown }, unending), 'data_label', 'line 1', 'mixed')
  const kill = new AbortController()
  kill.abort()
  await expectError(runBaseline({ data, test: data }, kill.signal), 'training_failed', 'tfidf: false')
})
