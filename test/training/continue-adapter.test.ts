import { cpSync, rmSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { loadAdapter, saveAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { readTrainingSpec } from '../../platform/offline/train.ts'
import { resumeSpec } from '../../training/state/resume-spec.ts'
import { expectError, freshPath } from '../checkpoint/helpers.ts'
import { makeReviews, runTraining, tinyBase, tinySpec, weightsOf, writeReviews } from './tiny.ts'

const data = writeReviews(makeReviews(120, 7))
const label_words = { negative: 'dull', positive: 'superb' }
let first: string
let firstLoss: number

beforeAll(async () => {
  const spec = tinySpec({ method: 'lora', rank: 2, alpha: 3, steps: 60, max_tokens: 40, label_words })
  const { result } = await runTraining(spec)
  first = spec.out
  firstLoss = result?.loss as number
})

const fields = (more: object = {}) => ({
  ...{ base: tinyBase(), data, out: freshPath('continued'), steps: 12, threads: 1, from_adapter: first },
  ...more,
})

test('a training continues with the values, the method, the label words and the truncation of the adapter', async () => {
  const spec = await readTrainingSpec(fields())
  expect(spec).toMatchObject({ method: { method: 'lora', rank: 2, alpha: 3 }, max_tokens: 40 })
  const { events, result } = await runTraining(spec)
  const step = events.find((event) => event.type === 'step')
  const fresh = await runTraining(tinySpec({ data, steps: 1, rank: 2, alpha: 3, max_tokens: 40, label_words }))
  expect(step?.loss).toBeLessThan(0.6 * (fresh.result?.loss as number))
  expect(result?.loss).toBeLessThan(firstLoss * 1.1)
  const base = await loadBase(tinyBase())
  const [before, after] = [await loadAdapter(first, base), await loadAdapter(spec.out, base)]
  expect(after.manifest).toMatchObject({ label_words, training: { from_adapter: before.digest } })
  expect(after.digest).not.toBe(before.digest)
})

test('an interrupted training that continues from an adapter ends with the same bytes', async () => {
  const whole = await readTrainingSpec(fields())
  await runTraining(whole)
  const cut = await readTrainingSpec(fields())
  expect((await runTraining(cut, { stopAt: 5 })).result).toBeUndefined()
  const moved = freshPath('moved')
  cpSync(first, moved, { recursive: true })
  await runTraining(resumeSpec({ out: cut.out, from_adapter: moved }), { resume: true })
  expect(weightsOf(cut.out).equals(weightsOf(whole.out))).toBe(true)
})

test('a training does not resume with another adapter', async () => {
  const cut = await readTrainingSpec(fields())
  await runTraining(cut, { stopAt: 5 })
  const other = await readTrainingSpec(fields({ steps: 2 }))
  await runTraining(other)
  const resumed = runTraining(resumeSpec({ out: cut.out, from_adapter: other.out }), { resume: true })
  await expectError(resumed, 'state_mismatch')
})

test('the checkpoint has the layout of the adapter', async () => {
  const base = await loadBase(tinyBase())
  const dir = freshPath('opendelta')
  await saveAdapter(dir, { ...(await loadAdapter(first, base)), layout: 'opendelta', libraryConfig: undefined }, base)
  const spec = await readTrainingSpec(fields({ from_adapter: dir }))
  await runTraining(spec)
  expect((await loadAdapter(spec.out, base)).layout).toBe('opendelta')
})

test('labels that the adapter does not have get words of their own', async () => {
  const rows = makeReviews(120, 7).map(({ text, label }) => ({ text, label: label === 'positive' ? 'film' : 'story' }))
  const spec = await readTrainingSpec(fields({ data: writeReviews(rows) }))
  const { events } = await runTraining(spec)
  const plan = events.find((event) => event.type === 'plan')?.plan
  expect(Object.keys(plan?.labels ?? {})).toEqual(['film', 'story'])
  expect(plan?.labels).not.toEqual(label_words)
})

test.each<[object, string, string]>([
  [{ method: 'bottleneck' }, 'method', '"bottleneck"'],
  [{ method: 'lora', rank: 4 }, 'rank', 'the number 4'],
])('%j is refused, because the adapter has another method', async (given, ...words) => {
  const run = async () => runTraining(await readTrainingSpec(fields(given)))
  await expectError(run(), 'method_invalid', ...words)
})

test('a folder that is not there is named', async () => {
  const gone = freshPath('gone')
  cpSync(first, gone, { recursive: true })
  rmSync(gone, { recursive: true })
  await expectError(readTrainingSpec(fields({ from_adapter: gone })), 'file_missing', gone)
})
