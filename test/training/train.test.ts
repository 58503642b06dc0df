import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { lower } from '../../graph/onnx/lower.ts'
import { openPool } from '../../graph/runtime/pool.ts'
import { openSession } from '../../graph/runtime/session.ts'
import { modelOf } from '../../model/architectures.ts'
import { padBatch } from '../../model/batch.ts'
import { encodeText } from '../../model/encode.ts'
import { parametersOf, parseMethod } from '../../model/methods/registry.ts'
import { classifierProgram } from '../../model/programs.ts'
import { tokenizerOf } from '../../training/data/prepare.ts'
import { dryRun } from '../../training/dry-run.ts'
import { makeGradientAccumulator } from '../../training/step/gradient-accumulator.ts'
import { gradientProgram } from '../../training/step/gradient-program.ts'
import { expectError, freshPath, randomAdapter, tinyT5 } from '../checkpoint/helpers.ts'
import { expectNear, largestMagnitude } from '../model/references.ts'
import { makeReviews, runTraining, tinyBase, tinySpec, weightsOf, writeReviews } from './tiny.ts'

interface Manifest {
  label_words: Record<string, string>
  metrics: { accuracy: number; n: number }
}

const manifestOf = (out: string) => JSON.parse(readFileSync(`${out}/graft.json`, 'utf8')) as Manifest

/** Classifies reviews one by one with the adapter in a folder, and returns the accuracy. */
async function accuracyOf(out: string, rows: readonly { text: string; label: string }[]): Promise<number> {
  const base = await loadBase(tinyBase())
  const { method, values, manifest } = await loadAdapter(out, base)
  const tokenizer = tokenizerOf(base)
  const labels = manifest!.labels!
  const words = Int32Array.from(labels, (label) => tokenizer.wordIds(manifest!.label_words![label])[0])
  const session = await openSession(lower(classifierProgram(modelOf(base), method, words.length), 'cpu'), {
    threads: 1,
  })
  const tensors = { ...Object.fromEntries(base.tensors), ...Object.fromEntries(values), words }
  let correct = 0
  for (const { text, label } of rows) {
    const { ids } = encodeText(tokenizer, text, { maxTokens: 512, side: 'left' }, modelOf(base).frame)
    const feeds = {
      input_ids: ids,
      attention_mask: new Float32Array(ids.length).fill(1),
      decoder_input_ids: new Int32Array(1),
    }
    const { scores: logits } = await session.run({ ...tensors, ...feeds }, { batch: 1, source: ids.length })
    const [first, second] = logits as Float32Array
    if (labels[first > second ? 0 : 1] === label) correct++
  }
  await session.close()
  return correct / rows.length
}

describe.each([
  ['LoRA', { method: 'lora' }],
  ['LoRA over the whole vocabulary', { method: 'lora', loss: 'vocabulary' }],
  ['a bottleneck', { method: 'bottleneck', learning_rate: 1e-2 }],
  ['a soft prompt', { method: 'soft-prompt' }],
  ['full fine-tuning', { method: 'full', learning_rate: 1e-3 }],
  ['LoRA on rounded weights', { method: 'lora', precision: 'int8-frozen' }],
  ['DoRA on rounded weights', { method: 'lora', dora: true, precision: 'int8-frozen' }],
  ['a bottleneck on rounded weights', { method: 'bottleneck', learning_rate: 1e-2, precision: 'int8-frozen' }],
  ['a soft prompt on rounded weights', { method: 'soft-prompt', precision: 'int8-frozen' }],
])('%s', (_, fields) => {
  test('learns its data, is saved, and classifies with the reported accuracy', async () => {
    const spec = tinySpec({ ...fields, data: writeReviews(makeReviews(16)), steps: 30 })
    const { result, events } = await runTraining(spec)
    const means = events.flatMap((event) => (event.type === 'step' ? [event.loss] : []))
    expect(means).toHaveLength(30)
    expect(means.at(-1)).toBe(result?.loss)
    // The reported loss is the mean of all steps so far.
    const last = 30 * means[29] - 29 * means[28]
    expect(last / means[0]).toBeLessThan(0.4)

    expect(await accuracyOf(spec.out, makeReviews(60, 1))).toBe(result?.accuracy)
    expect(manifestOf(spec.out).metrics).toMatchObject({ accuracy: result?.accuracy, n: 60 })
    expect(manifestOf(spec.out).label_words).toEqual({ negative: 'worst', positive: 'excellent' })
    expect(existsSync(`${spec.out}.training`)).toBe(false)
  })

  test('has the same bytes on any number of threads, also with dropout', async () => {
    const settings = { ...fields, steps: 5, dropout: 0.1, test: undefined }
    const [one, two] = [tinySpec({ ...settings, threads: 1 }), tinySpec({ ...settings, threads: 2 })]
    for (const spec of [one, two]) await runTraining(spec)
    expect(weightsOf(one.out).equals(weightsOf(two.out))).toBe(true)
  })
})

test('rounded weights change a training, but its loss only a little', async () => {
  const settings = { data: writeReviews(makeReviews(16)), steps: 10, test: undefined }
  const [exact, rounded] = [tinySpec(settings), tinySpec({ ...settings, precision: 'int8-frozen' })]
  const losses = []
  for (const spec of [exact, rounded]) losses.push((await runTraining(spec)).result?.loss ?? Number.NaN)
  expect(weightsOf(exact.out).equals(weightsOf(rounded.out))).toBe(false)
  expect(Math.abs(losses[1] - losses[0]) / losses[0]).toBeLessThan(0.02)
})

test('a method that freezes nothing cannot train on rounded weights', async () => {
  await expectError(
    (async () => tinySpec({ method: 'full', precision: 'int8-frozen' }))(),
    'usage',
    'precision int8-frozen',
    'freezes none',
  )
})

test('the seed determines the initial values, the order of the data, and dropout', async () => {
  const settings = { steps: 3, test: undefined }
  const [first, other, dropped, another] = [
    tinySpec(settings),
    tinySpec({ ...settings, seed: 1 }),
    tinySpec({ ...settings, dropout: 0.1 }),
    tinySpec({ ...settings, dropout: 0.2 }),
  ]
  for (const spec of [first, other, dropped, another]) await runTraining(spec)
  const different = new Set([first, other, dropped, another].map(({ out }) => weightsOf(out).toString('base64')))
  expect(different.size).toBe(4)
})

test.each(['labels', 'vocabulary'] as const)(
  'the gradient of a step over the %s is the same in one micro-batch and in several',
  async (loss) => {
    const base = await tinyT5()
    const method = parseMethod({ method: 'lora' })
    const objective = modelOf(base).objective(loss, [65, 41])
    const parameters = parametersOf(method, modelOf(base))
    const rows = [3, 17, 40, 9, 26, 5].map((length, i) =>
      Int32Array.from({ length }, (_, j) => 2 + ((7 * j + 31 * i) % 380)),
    )
    const labels = [0, 1, 1, 0, 0, 1]
    const pool = openPool(2)
    const values = Object.fromEntries(randomAdapter(method, base).values)
    const program = await pool.load(gradientProgram(modelOf(base), method, objective), {
      ...Object.fromEntries(base.tensors),
      ...values,
      ...objective.constants,
    })
    const { gradient, accumulate } = makeGradientAccumulator(program, parameters, pool.size)
    const toMicroBatch = (members: readonly number[]) => {
      const { inputIds, attentionMask, batch, source } = padBatch(
        members.map((row) => rows[row]),
        0,
      )
      const labelFeeds = objective.inputs(
        members.map((row) => labels[row]),
        rows.length,
      )
      return {
        feeds: { input_ids: inputIds, attention_mask: attentionMask, ...labelFeeds },
        symbols: { batch, source },
      }
    }
    const whole = await accumulate([toMicroBatch([0, 1, 2, 3, 4, 5])])
    const inOne = gradient.slice()
    const divided = await accumulate([toMicroBatch([5, 0]), toMicroBatch([3, 1, 4]), toMicroBatch([2])])
    const inThree = gradient.slice()
    await pool.close()
    expect(divided).toBeCloseTo(whole, 5)
    expect(largestMagnitude(inOne)).toBeGreaterThan(1e-3)
    expectNear(inThree, inOne, 1e-5 * largestMagnitude(inOne), 'gradient')
  },
)

test('a training can learn three labels, each with its own word', async () => {
  const label_words = { bad: 'worst', good: 'excellent', neither: 'fine' }
  const rows = makeReviews(60).map(({ text, label }, i) => {
    if (i % 3 === 0)
      return {
        text: text.replaceAll(/\b(lovely|superb|moving|gripping|dull|awful|clumsy|tedious)\b/g, 'night'),
        label: 'neither',
      }
    return { text, label: label === 'positive' ? 'good' : 'bad' }
  })
  const path = writeReviews(rows)
  const spec = tinySpec({ data: path, test: path, method: 'full', learning_rate: 3e-3, steps: 40, label_words })
  const { result } = await runTraining(spec)
  expect(result?.metrics?.n).toBe(60)
  expect(result?.accuracy).toBeGreaterThan(0.8)
  expect(manifestOf(spec.out).label_words).toEqual(label_words)
})

test('a long prompt can be trained with dropout', async () => {
  const data = writeReviews(makeReviews(4))
  const { result } = await runTraining(
    tinySpec({ data, method: 'soft-prompt', tokens: 300, dropout: 0.1, max_tokens: 16, steps: 1 }),
  )
  expect(result?.steps).toBe(1)
})

describe('a training reports', () => {
  test('its plan, every step up to the last, evaluations between steps, and the result', async () => {
    const { result, events } = await runTraining(tinySpec({ steps: 5, evaluate_every: 2 }))
    const plan = events.flatMap((event) => (event.type === 'plan' ? [event.plan] : []))
    expect(plan).toHaveLength(1)
    expect(plan[0]).toMatchObject({ method: 'lora', trainable: 7168, total: 69_312, steps: 5, threads: 2, leaked: 0 })
    const steps = events.flatMap((event) => (event.type === 'step' ? [event] : []))
    expect(steps.map(({ step, steps: total }) => [step, total])).toEqual([1, 2, 3, 4, 5].map((step) => [step, 5]))
    expect(steps.every(({ reviews_per_second: rate }) => rate > 0)).toBe(true)
    expect(steps.at(-1)?.seconds_left).toBe(0)
    const evaluations = events.flatMap((event) => (event.type === 'evaluation' ? [event] : []))
    expect(evaluations.map(({ step }) => step)).toEqual([2, 4])
    expect(evaluations.every(({ accuracy }) => accuracy > 0)).toBe(true)
    expect(result?.curve.filter(({ accuracy }) => accuracy !== undefined)).toEqual(
      evaluations.map(({ type: _, ...point }) => point),
    )
    expect(events.at(-1)).toEqual({ type: 'done', result })
    expect(events.findIndex(({ type }) => type === 'plan')).toBeLessThan(
      events.findIndex(({ type }) => type === 'step'),
    )
  })

  test('reviews that are also in the test data, and reviews that occur twice', async () => {
    const rows = makeReviews(20)
    const data = writeReviews([...rows, rows[0], rows[1]])
    const { events } = await runTraining(tinySpec({ data, test: writeReviews(rows.slice(0, 5)), steps: 1 }))
    const plan = events.find((event) => event.type === 'plan')
    expect(plan).toMatchObject({ plan: { duplicates: 2, leaked: 5, reviews: 22 } })
  })
})

test('a dry run measures two steps and writes nothing', async () => {
  const spec = tinySpec()
  const events: { type: string }[] = []
  await dryRun(spec, (event) => events.push(event))
  expect(events.at(-1)).toMatchObject({
    type: 'estimate',
    plan: { steps: 40, trainable: 7168 },
    estimate: { seconds: expect.any(Number), reviews_per_second: expect.any(Number) },
  })
  expect(existsSync(dirname(spec.out))).toBe(false)
})

describe('a training leaves nothing behind if', () => {
  const expectNoFiles = async (
    spec: ReturnType<typeof tinySpec>,
    ...error: Parameters<typeof expectError> extends [unknown, ...infer R] ? R : never
  ) => {
    await expectError(runTraining(spec), ...error)
    expect(existsSync(spec.out)).toBe(false)
    expect(existsSync(`${spec.out}.training`)).toBe(false)
  }

  test('the data have only one label', async () => {
    const data = writeReviews(makeReviews(10).map((row) => ({ ...row, label: 'positive' })))
    await expectNoFiles(tinySpec({ data }), 'data_classes', 'positive')
  })

  test('the data do not exist', () =>
    expectNoFiles(tinySpec({ data: freshPath('none.jsonl') }), 'file_missing', 'none.jsonl'))

  test('the base has no word for a label', () =>
    expectNoFiles(tinySpec({ label_words: { positive: 'excellently' } }), 'label_words', 'positive'))

  test('the loss is no longer finite; a lower learning rate can then be tried with the same output folder', async () => {
    const spec = tinySpec({ method: 'full', learning_rate: 1e10, max_grad_norm: 1e30, steps: 8, save_seconds: 1e-3 })
    await expectNoFiles(spec, 'training_diverged', '--learning-rate')
    const { result } = await runTraining({ ...spec, learning_rate: 1e-3, steps: 2 })
    expect(result?.steps).toBe(2)
  })
})

test('an output folder that is not empty is an error before any work', async () => {
  const spec = tinySpec({ steps: 1 })
  await runTraining(spec)
  const before = weightsOf(spec.out)
  await expectError(runTraining(spec), 'output_exists', spec.out)
  expect(weightsOf(spec.out).equals(before)).toBe(true)
})
