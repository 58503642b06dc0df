import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { inspectTraining, type TrainingOutcome } from '../../training/inspect-training.ts'
import { computeMetrics } from '../../training/metrics.ts'
import { makeReviews, runTraining, tinySpec, writeReviews } from './tiny.ts'

const inspect = (outcome: Partial<TrainingOutcome>) =>
  inspectTraining({
    labels: [0, 1, 0, 1],
    steps: 10,
    loss: 0.3,
    positions: 1,
    calibration: { reviews: 0, temperature: 1 },
    ...outcome,
  })

/** Returns the metrics of a test set with `correct` right answers of each label's `count`. */
const metricsOf = (counts: readonly (readonly [count: number, correct: number])[]) =>
  computeMetrics(
    counts.flatMap(([count, correct], label) =>
      Array.from({ length: count }, (_, i) => ({
        label,
        probabilities: i < correct === (label === 0) ? [0.9, 0.1] : [0.1, 0.9],
        tokens: 5,
        truncated: false,
      })),
    ),
    ['a', 'b'],
  )

test('a training whose loss fell below that of guessing has no findings', () => {
  expect(inspect({})).toEqual([])
  expect(
    inspect({
      metrics: metricsOf([
        [50, 40],
        [50, 42],
      ]),
    }),
  ).toEqual([])
})

test('a final loss that is not below that of guessing is a warning', () => {
  expect(inspect({ loss: 0.7 })).toMatchObject([
    {
      code: 'loss_not_below_guessing',
      level: 'warning',
      message:
        'The training did not learn to tell the labels apart. The final loss is 0.7000, and guessing by the frequency of each label has 0.6931.',
    },
  ])
})

test('guessing knows how often each label occurs, and that the end of a sequence is certain', () => {
  const labels = Array.from({ length: 100 }, (_, i) => Number(i < 5))
  expect(inspect({ labels, loss: 0.19 })).toEqual([])
  expect(inspect({ labels, loss: 0.2 })).toHaveLength(1)
  expect(inspect({ loss: 0.34, positions: 2 })).toEqual([])
  expect(inspect({ loss: 0.35, positions: 2 })).toHaveLength(1)
})

test('a training that only memorized its reviews is found by the loss on those that were held out', () => {
  const scores = { ece: 0.1, log_loss: 0.7 }
  const calibration = { reviews: 60, temperature: 9, before: { ...scores, log_loss: 2 }, after: scores }
  expect(inspect({ loss: 0.01, calibration })).toMatchObject([{ code: 'loss_not_below_guessing', count: 60 }])
})

test('an accuracy that is not above the share of the largest class is a warning, with its interval', () => {
  const [finding] = inspect({
    metrics: metricsOf([
      [90, 90],
      [10, 0],
    ]),
  })
  expect(finding).toMatchObject({ code: 'accuracy_not_above_guessing', level: 'warning', count: 100, share: 0.9 })
  expect(finding.message).toBe(
    'The training did not learn to tell the labels apart. The accuracy of 90.0 % (95 % interval 82.6 % to 94.5 %, 100 reviews) is not above guessing: always answering “a”, the largest class, has 90.0 %.',
  )
})

test('a higher accuracy on too few reviews is not certain', () => {
  const [finding] = inspect({
    metrics: metricsOf([
      [6, 4],
      [6, 4],
    ]),
  })
  expect(finding.message).toMatch(/^It is not certain that the training learned anything\. .* is not clearly above/)
  expect(finding.fix).toContain('more test reviews')
})

test('a high mean loss is not reported if the accuracy shows that the training learned', () => {
  expect(
    inspect({
      loss: 0.9,
      metrics: metricsOf([
        [50, 45],
        [50, 45],
      ]),
    }),
  ).toEqual([])
})

test('a training on random labels says so in its result, its last event and graft.json', async () => {
  const rows = makeReviews(40).map(({ text }, i) => ({ text, label: i % 4 < 2 ? 'positive' : 'negative' }))
  const spec = tinySpec({ data: writeReviews(rows), test: writeReviews(rows), steps: 2, learning_rate: 1e-9 })
  const { result, events } = await runTraining(spec)
  const codes = result?.findings.map(({ code }) => code)
  expect(codes).toContain('accuracy_not_above_guessing')
  expect(codes).toContain('leaked_texts')
  expect(events.at(-1)).toMatchObject({ type: 'done', result: { findings: result?.findings } })
  const manifest = JSON.parse(readFileSync(`${spec.out}/graft.json`, 'utf8')) as { training: { findings: unknown } }
  expect(manifest.training.findings).toEqual(result?.findings)
})

test('a training that learned has no warning', async () => {
  const { result } = await runTraining(tinySpec({ method: 'full', learning_rate: 3e-3, steps: 30 }))
  expect(result?.accuracy).toBeGreaterThan(0.8)
  expect(result?.findings).toEqual([])
})

test('labels without a token of their own are trained, and the plan shows their words', async () => {
  const label = (i: number) => (i % 2 ? '__proto__' : 'not so good')
  const rows = makeReviews(40).map(({ text }, i) => ({ text, label: label(i) }))
  const { result, events } = await runTraining(
    tinySpec({ data: writeReviews(rows), test: writeReviews(rows), steps: 1 }),
  )
  const plan = events.find(({ type }) => type === 'plan')
  expect(plan).toMatchObject({
    plan: { findings: expect.arrayContaining([expect.objectContaining({ code: 'other_words' })]) },
  })
  expect(result?.metrics?.labels).toEqual(['__proto__', 'not so good'])
})

test('rows with the label -1 are refused, or skipped with skip_bad', async () => {
  const rows = makeReviews(45).map(({ text, label }, i) => ({ text, label: i < 5 ? -1 : Number(label === 'positive') }))
  const settings = { data: writeReviews(rows), test: undefined, steps: 1 }
  await expect(runTraining(tinySpec(settings))).rejects.toThrowError(/no label \(-1 marks rows without a label/)
  const { events } = await runTraining(tinySpec({ ...settings, skip_bad: true, max_skipped: 0.2 }))
  const event = events.find(({ type }) => type === 'plan')
  const plan = event?.type === 'plan' ? event.plan : undefined
  expect([Object.keys(plan?.labels ?? {}).sort(), plan?.data.skipped.rows]).toEqual([['0', '1'], 5])
})
