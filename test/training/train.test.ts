import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { lower } from '../../graph/onnx/lower.ts'
import { openPool } from '../../graph/runtime/pool.ts'
import { openSession } from '../../graph/runtime/session.ts'
import { padRows } from '../../model/batch.ts'
import { encodeReview } from '../../model/encode.ts'
import { methodNamed, parseMethod } from '../../model/methods/registry.ts'
import { classifierProgram } from '../../model/programs.ts'
import { tokenizerOf } from '../../training/data/prepare.ts'
import { gradientProgram } from '../../training/step/gradient-program.ts'
import { gradientSum } from '../../training/step/gradient-sum.ts'
import { objective } from '../../training/step/objective.ts'
import { planTraining } from '../../training/train.ts'
import { expectError, freshPath, tinyT5, tuned } from '../checkpoint/helpers.ts'
import { expectNear, largest } from '../model/references.ts'
import { reviews, run, tinyBase, tinySpec, weightsOf, writeReviews } from './tiny.ts'

interface Manifest {
  label_words: Record<string, string>
  metrics: { accuracy: number; n: number }
}

const manifestOf = (out: string) => JSON.parse(readFileSync(`${out}/graft.json`, 'utf8')) as Manifest

/** Classifies reviews one by one with what the folder holds, and tells how many are right. */
async function accuracyOf(out: string, rows: readonly { text: string; label: string }[]): Promise<number> {
  const base = await loadBase(tinyBase())
  const { method, values, manifest } = await loadAdapter(out, base)
  const tokenizer = tokenizerOf(base)
  const labels = manifest!.labels!
  const words = Int32Array.from(labels, (label) => tokenizer.wordIds(manifest!.label_words![label])[0])
  const session = await openSession(lower(classifierProgram(base.t5, method, words.length), 'cpu'), { threads: 1 })
  const tensors = { ...Object.fromEntries(base.tensors), ...Object.fromEntries(values), words }
  let right = 0
  for (const { text, label } of rows) {
    const { ids } = encodeReview(tokenizer, text, { maxTokens: 512, side: 'left' }, base.t5.eosTokenId)
    const feeds = {
      input_ids: ids,
      attention_mask: new Float32Array(ids.length).fill(1),
      decoder_input_ids: new Int32Array(1),
    }
    const { scores } = await session.run({ ...tensors, ...feeds }, { batch: 1, source: ids.length })
    const [first, second] = scores as Float32Array
    if (labels[first > second ? 0 : 1] === label) right++
  }
  await session.close()
  return right / rows.length
}

describe.each([
  ['LoRA', { method: 'lora' }],
  ['LoRA over the whole vocabulary', { method: 'lora', loss: 'vocabulary' }],
  ['a bottleneck', { method: 'bottleneck', learning_rate: 1e-2 }],
  ['a soft prompt', { method: 'soft-prompt' }],
  ['full fine-tuning', { method: 'full', learning_rate: 1e-3 }],
])('%s', (_, fields) => {
  test('learns what it is shown, is saved, and answers as was reported', async () => {
    const spec = tinySpec({ ...fields, data: writeReviews(reviews(16)), steps: 30 })
    const { result, events } = await run(spec)
    const means = events.flatMap((event) => (event.type === 'step' ? [event.loss] : []))
    expect(means).toHaveLength(30)
    expect(means.at(-1)).toBe(result?.loss)
    // What is told is the mean of all so far.
    const last = 30 * means[29] - 29 * means[28]
    expect(last / means[0]).toBeLessThan(0.4)

    expect(await accuracyOf(spec.out, reviews(60, 1))).toBe(result?.accuracy)
    expect(manifestOf(spec.out).metrics).toMatchObject({ accuracy: result?.accuracy, n: 60 })
    expect(manifestOf(spec.out).label_words).toEqual({ negative: 'worst', positive: 'excellent' })
    expect(existsSync(`${spec.out}.training`)).toBe(false)
  })

  test('comes out the same to the byte on any number of threads, with dropout', async () => {
    const given = { ...fields, steps: 5, dropout: 0.1, test: undefined }
    const [one, two] = [tinySpec({ ...given, threads: 1 }), tinySpec({ ...given, threads: 2 })]
    for (const spec of [one, two]) await run(spec)
    expect(weightsOf(one.out).equals(weightsOf(two.out))).toBe(true)
  })
})

test('the seed decides initial values, order and dropout', async () => {
  const given = { steps: 3, test: undefined }
  const [first, other, dropped, another] = [
    tinySpec(given),
    tinySpec({ ...given, seed: 1 }),
    tinySpec({ ...given, dropout: 0.1 }),
    tinySpec({ ...given, dropout: 0.2 }),
  ]
  for (const spec of [first, other, dropped, another]) await run(spec)
  const different = new Set([first, other, dropped, another].map(({ out }) => weightsOf(out).toString('base64')))
  expect(different.size).toBe(4)
})

test.each(['labels', 'vocabulary'] as const)(
  'the gradient of a step over the %s is the same in one batch and in several',
  async (loss) => {
    const base = await tinyT5()
    const method = parseMethod({ method: 'lora' })
    const target = objective(loss, [65, 41], base.t5)
    const parameters = methodNamed('lora').parameters(method, base.t5)
    const rows = [3, 17, 40, 9, 26, 5].map((length, i) =>
      Int32Array.from({ length }, (_, j) => 2 + ((7 * j + 31 * i) % 380)),
    )
    const labels = [0, 1, 1, 0, 0, 1]
    const pool = openPool(2)
    const values = Object.fromEntries(tuned(method, base).values)
    const program = await pool.load(gradientProgram(base.t5, method, target), {
      ...Object.fromEntries(base.tensors),
      ...values,
      ...target.bound,
    })
    const { gradient, sum } = gradientSum(program, parameters, pool.size)
    const micro = (members: readonly number[]) => {
      const { inputIds, attentionMask, batch, source } = padRows(
        members.map((row) => rows[row]),
        0,
      )
      const asked = target.feeds(
        members.map((row) => labels[row]),
        rows.length,
      )
      return { feeds: { input_ids: inputIds, attention_mask: attentionMask, ...asked }, symbols: { batch, source } }
    }
    const whole = await sum([micro([0, 1, 2, 3, 4, 5])])
    const inOne = gradient.slice()
    const parted = await sum([micro([5, 0]), micro([3, 1, 4]), micro([2])])
    const inThree = gradient.slice()
    await pool.close()
    expect(parted).toBeCloseTo(whole, 5)
    expect(largest(inOne)).toBeGreaterThan(1e-3)
    expectNear(inThree, inOne, 1e-5 * largest(inOne), 'gradient')
  },
)

test('three labels with words of their own are told apart', async () => {
  const label_words = { bad: 'worst', good: 'excellent', neither: 'fine' }
  const rows = reviews(60).map(({ text, label }, i) => {
    if (i % 3 === 0)
      return {
        text: text.replaceAll(/\b(lovely|superb|moving|gripping|dull|awful|clumsy|tedious)\b/g, 'night'),
        label: 'neither',
      }
    return { text, label: label === 'positive' ? 'good' : 'bad' }
  })
  const path = writeReviews(rows)
  const spec = tinySpec({ data: path, test: path, method: 'full', learning_rate: 3e-3, steps: 40, label_words })
  const { result } = await run(spec)
  expect(result?.metrics?.n).toBe(60)
  expect(result?.accuracy).toBeGreaterThan(0.8)
  expect(manifestOf(spec.out).label_words).toEqual(label_words)
})

test('a long prompt can be trained with dropout', async () => {
  const data = writeReviews(reviews(4))
  const { result } = await run(
    tinySpec({ data, method: 'soft-prompt', tokens: 300, dropout: 0.1, max_tokens: 16, steps: 1 }),
  )
  expect(result?.steps).toBe(1)
})

describe('a training tells', () => {
  test('its plan, every step with its end, evaluations on the way, and the result', async () => {
    const { result, events } = await run(tinySpec({ steps: 5, evaluate_every: 2 }))
    const plan = events.flatMap((event) => (event.type === 'plan' ? [event.plan] : []))
    expect(plan).toHaveLength(1)
    expect(plan[0]).toMatchObject({ method: 'lora', trainable: 7168, total: 69_312, steps: 5, threads: 2, leaked: 0 })
    const steps = events.flatMap((event) => (event.type === 'step' ? [event] : []))
    expect(steps.map(({ step, steps: of }) => [step, of])).toEqual([1, 2, 3, 4, 5].map((step) => [step, 5]))
    expect(steps.every(({ reviews_per_second: rate }) => rate > 0)).toBe(true)
    expect(steps.at(-1)?.seconds_left).toBe(0)
    const points = events.flatMap((event) => (event.type === 'point' ? [event.point] : []))
    expect(points.map(({ step }) => step)).toEqual([2, 4])
    expect(points.every(({ accuracy }) => accuracy !== undefined && accuracy > 0)).toBe(true)
    expect(result?.curve.filter(({ accuracy }) => accuracy !== undefined)).toEqual(points)
    expect(events.at(-1)).toEqual({ type: 'done', result })
    expect(events.findIndex(({ type }) => type === 'plan')).toBeLessThan(
      events.findIndex(({ type }) => type === 'step'),
    )
  })

  test('reviews that are in the test data as well, and those that occur twice', async () => {
    const rows = reviews(20)
    const data = writeReviews([...rows, rows[0], rows[1]])
    const { events } = await run(tinySpec({ data, test: writeReviews(rows.slice(0, 5)), steps: 1 }))
    const plan = events.find((event) => event.type === 'plan')
    expect(plan).toMatchObject({ plan: { duplicates: 2, leaked: 5, reviews: 22 } })
  })
})

test('a dry run measures two steps and writes nothing', async () => {
  const spec = tinySpec()
  const events: { type: string }[] = []
  await planTraining(spec, (event) => events.push(event))
  expect(events.at(-1)).toMatchObject({
    type: 'estimate',
    plan: { steps: 40, trainable: 7168 },
    estimate: { seconds: expect.any(Number), reviews_per_second: expect.any(Number) },
  })
  expect(existsSync(dirname(spec.out))).toBe(false)
})

describe('nothing is left behind where', () => {
  const leaves = async (
    spec: ReturnType<typeof tinySpec>,
    ...refusal: Parameters<typeof expectError> extends [unknown, ...infer R] ? R : never
  ) => {
    await expectError(run(spec), ...refusal)
    expect(existsSync(spec.out)).toBe(false)
    expect(existsSync(`${spec.out}.training`)).toBe(false)
  }

  test('the data hold one label alone', async () => {
    const data = writeReviews(reviews(10).map((row) => ({ ...row, label: 'positive' })))
    await leaves(tinySpec({ data }), 'data_classes', 'positive')
  })

  test('the data are not there', () =>
    leaves(tinySpec({ data: freshPath('none.jsonl') }), 'file_missing', 'none.jsonl'))

  test('the base has no word for a label', () =>
    leaves(tinySpec({ label_words: { positive: 'excellently' } }), 'label_words', 'positive'))

  test('the loss is no longer finite: a lower rate can then be tried in the same place', async () => {
    const spec = tinySpec({ method: 'full', learning_rate: 1e10, max_grad_norm: 1e30, steps: 8, save_seconds: 1e-3 })
    await leaves(spec, 'training_diverged', '--learning-rate')
    const { result } = await run({ ...spec, learning_rate: 1e-3, steps: 2 })
    expect(result?.steps).toBe(2)
  })
})

test('a folder that holds something is refused before any work', async () => {
  const spec = tinySpec({ steps: 1 })
  await run(spec)
  const before = weightsOf(spec.out)
  await expectError(run(spec), 'output_exists', spec.out)
  expect(weightsOf(spec.out).equals(before)).toBe(true)
})
