import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { loadBase } from '../../../checkpoint/base.ts'
import { encodeSafetensors } from '../../../checkpoint/safetensors.ts'
import { pretrain as pretrainCommand } from '../../../cli/commands/pretrain.ts'
import type { TensorData } from '../../../model/tensor-shapes.ts'
import type { TrainingEvent } from '../../../training/events.ts'
import { parsePretraining } from '../../../training/pretraining/config.ts'
import { pretrain } from '../../../training/pretraining/pretrain.ts'
import { expectError, freshPath } from '../../checkpoint/helpers.ts'
import { runInProcess } from '../../cli/run.ts'
import { makeReviews, tinyBase, tinyBaseWithSentinels, words, writeReviews } from '../tiny.ts'

const texts = writeReviews(makeReviews(80).map(({ text }) => ({ text })))
const JUDGING = ['lovely', 'superb', 'dull', 'awful']

const config = (tasks: readonly object[], fields: object = {}) =>
  parsePretraining(
    {
      start: tinyBase(),
      name: 'tiny',
      steps: 30,
      learning_rate: 3e-3,
      evaluate_every: 15,
      held_out: 10,
      tasks,
      ...fields,
    },
    '/',
  )

async function run(spec: ReturnType<typeof config>, { out = freshPath('base'), threads = 2, stopAt = -1 } = {}) {
  const events: TrainingEvent[] = []
  const stop = new AbortController()
  const onEvent = (event: TrainingEvent) => {
    events.push(event)
    if (event.type === 'pretraining_step' && event.step === stopAt) stop.abort()
  }
  const result = await pretrain({ ...spec, out, threads }, onEvent, stop.signal)
  return { result, out, events }
}

const weights = (out: string) => readFileSync(join(out, 'model.safetensors'))

const task = (objectives: readonly object[], fields: object = {}) => ({
  name: 'texts',
  data: texts,
  tokens: [32],
  batch_tokens: 600,
  objectives,
  ...fields,
})

/** A corpus of 60 rows in 30 documents, whose vectors follow from the tokens. */
function writeCorpus(): string {
  const rows = Array.from({ length: 60 }, (_, i) =>
    Array.from({ length: 6 + (i % 5) }, (_, k) => 3 + ((i * 7 + k * k) % words.length)),
  )
  const ids = rows.flat()
  const starts = [0]
  for (const { length } of rows) starts.push(starts[starts.length - 1] + length)
  const tensor = (shape: readonly number[], values: readonly number[]): TensorData => ({
    shape,
    data: Float32Array.from(values),
  })
  const positions = ids.flatMap((_, at) => (at % 2 === 0 ? [at] : []))
  const path = freshPath('corpus.safetensors')
  const encoded = encodeSafetensors(
    new Map([
      ['ids', tensor([ids.length], ids)],
      ['starts', tensor([starts.length], starts)],
      [
        'documents',
        tensor(
          [60],
          rows.map((_, i) => i >> 1),
        ),
      ],
      [
        'row.meaning',
        tensor(
          [60, 2],
          rows.flatMap((row) => [Math.sin(row[0]), Math.cos(row[1])]),
        ),
      ],
      [
        'row.judged',
        tensor(
          [60, 4],
          rows.flatMap(([first]) => [0, 1, 2, 3].map((k) => (first % 4 === k ? 1 : 0))),
        ),
      ],
      [
        'token.meaning',
        tensor(
          [positions.length, 2],
          positions.flatMap((at) => [Math.sin(ids[at]), Math.cos(ids[at])]),
        ),
      ],
      ['token.meaning.positions', tensor([positions.length], positions)],
    ]),
  )
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, Buffer.concat(encoded))
  return path
}

const everyTeacher = [
  { kind: 'regression', at: 'token', target: 'meaning' },
  { kind: 'regression', at: 'pooled', target: 'meaning' },
  { kind: 'regression', at: 'first_step', target: 'meaning' },
  { kind: 'distribution', target: 'judged', words: JUDGING, weight: 2 },
]

/** Returns the first and the last loss of each objective on the held-out documents. */
function heldOut(curve: readonly { held_out: Readonly<Record<string, number>> }[]) {
  const [first, last] = [curve[0].held_out, curve[curve.length - 1].held_out]
  return Object.keys(first).map((name) => ({ name, first: first[name], last: last[name] }))
}

test('every objective on stored vectors and words lowers its loss on documents that are held out', async () => {
  const teacher = task(everyTeacher, { name: 'teacher', data: writeCorpus(), rows: [1, 2] })
  const spec = config([teacher, task([{ kind: 'bag_of_words' }])], { steps: 50, evaluate_every: 2 })
  const { result, out } = await run(spec)
  for (const { name, first, last } of heldOut(result?.curve ?? [])) expect(last, name).toBeLessThan(first)
  const base = await loadBase(out)
  expect([base.name, base.tensors.size]).toEqual(['tiny', (await loadBase(tinyBase())).tensors.size])
  const written = JSON.parse(readFileSync(join(out, 'pretraining.json'), 'utf8'))
  expect(written).toMatchObject({ steps: 50, curve: result?.curve })
})

test('span corruption and cloze remove tokens and learn to predict them', async () => {
  const spec = config(
    [
      task([{ kind: 'span_corruption', density: 0.3 }], { name: 'spans' }),
      task([{ kind: 'cloze', words: ['lovely', 'dull'], prompt: 'it was' }], { name: 'gaps' }),
    ],
    { start: tinyBaseWithSentinels(), steps: 40, evaluate_every: 2, held_out: 30 },
  )
  const { result } = await run(spec)
  for (const { name, first, last } of heldOut(result?.curve ?? [])) expect(last, name).toBeLessThan(first)
})

test('at the start, nothing has to be kept', async () => {
  const { result, events } = await run(config([task([{ kind: 'keep' }])], { steps: 2, evaluate_every: 1, warmup: 0.5 }))
  const [first] = events.flatMap((event) => (event.type === 'pretraining_step' ? [event.losses] : []))
  expect(Object.values(first)[0]).toBeCloseTo(0, 6)
  expect(result?.steps).toBe(2)
})

test('an interrupted pretraining continues, and ends with the bytes of an uninterrupted one with another number of threads', async () => {
  const spec = config([task([{ kind: 'bag_of_words' }]), task([{ kind: 'keep' }], { name: 'kept', every: 2 })])
  const whole = await run(spec, { threads: 1 })
  const out = freshPath('stopped')
  expect((await run(spec, { out, stopAt: 6 })).result).toBeUndefined()
  const resumed = await run(spec, { out })
  expect(resumed.events.find((event) => event.type === 'pretraining_step')).toMatchObject({ step: 7 })
  expect(weights(out).equals(weights(whole.out))).toBe(true)
  expect(resumed.result?.curve).toEqual(whole.result?.curve)
})

test('a tensor whose rate has a factor moves less', async () => {
  const moved = async (factor: number) => {
    const { out } = await run(
      config([task([{ kind: 'bag_of_words' }])], { steps: 5, rate_factors: { shared: factor } }),
    )
    const [before, after] = [await loadBase(tinyBase()), await loadBase(out)].map(
      ({ tensors }) => tensors.get('shared.weight') as Float32Array,
    )
    return Math.hypot(...before.map((value, i) => value - after[i]))
  }
  expect(await moved(0.01)).toBeLessThan(0.05 * (await moved(1)))
})

test.each([
  ['a target that the corpus lacks', { kind: 'regression', at: 'pooled', target: 'nothing' }, 'row.nothing'],
  [
    'other words than the distributions are over',
    { kind: 'distribution', target: 'judged', words: ['dull', 'fine'] },
    '2 words',
  ],
  ['a word that is not a single token', { kind: 'cloze', words: ['lovely', 'unheard-of'] }, 'unheard-of'],
  ['no sentinels in the vocabulary', { kind: 'span_corruption' }, '<extra_id_0>'],
])('%s is an error', async (_, objective, says) => {
  const spec = config([task([objective], { data: writeCorpus() })])
  await expect(run(spec)).rejects.toThrow(says)
})

test.each([
  ['an unknown objective', { tasks: [task([{ kind: 'guess' }])] }, 'kind'],
  ['an unknown field', { epochs: 3 }, 'epochs'],
  ['two tasks of one name', { tasks: [task([{ kind: 'keep' }]), task([{ kind: 'keep' }])] }, 'texts'],
])('the configuration reports %s', (_, fields, says) => {
  expect(() => config([task([{ kind: 'keep' }])], fields)).toThrow(says)
})

test('a pretraining that diverged leaves nothing that stands in the way of another with a lower rate', async () => {
  const out = freshPath('diverged')
  const hot = config([task([{ kind: 'bag_of_words' }])], {
    steps: 4,
    learning_rate: 1e38,
    save_seconds: 1e-3,
    warmup: 0,
  })
  await expect(run(hot, { out })).rejects.toThrow(/finite loss/)
  expect((await run({ ...hot, learning_rate: 1e-3 }, { out })).result?.steps).toBe(4)
})

test('the folder of the new base is relative to that of the configuration, and may be left out', async () => {
  const file = {
    start: 'start',
    name: 'tiny',
    steps: 1,
    learning_rate: 1e-3,
    tasks: [task([{ kind: 'bag_of_words' }])],
  }
  expect(parsePretraining({ ...file, out: 'new' }, '/recipes').out).toBe('/recipes/new')
  expect(parsePretraining(file, '/recipes').out).toBeUndefined()

  const path = freshPath('config.json')
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, JSON.stringify(file))
  await expectError(
    runInProcess(pretrainCommand, '--config', path),
    'usage',
    'Pass --out, or set out in the configuration.',
  )
})
