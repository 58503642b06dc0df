import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { classifyWithPipeline, locatePipeline } from '../../../platform/offline/pipeline.ts'
import { isHubName } from '../../../platform/schemas/pipelines.ts'
import { expectError, freshPath } from '../../checkpoint/helpers.ts'
import { startHub, withEnvironment, withoutTransformers } from '../../training/pipeline/hub.ts'
import { writeWordCounter } from '../../training/pipeline/word-counter.ts'

const WEIGHTS = { superb: [-1, 1], awful: [1, -1], dull: [2, 0] }
const targets = ['negative', 'positive']
const request = { isFolder: true, targets, threads: 1 }
const positiveOf = async (more: { model: string; texts: string[]; labels?: Record<string, string> }) =>
  (await classifyWithPipeline({ ...request, ...more }, () => {})).probabilities[0][1]
const softmaxOfTwo = (a: number, b: number) => [1 / (1 + Math.exp(b - a)), 1 / (1 + Math.exp(a - b))]

test('a pipeline in a folder returns its probabilities in the order of the labels, and reports progress', async () => {
  const model = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  const done: number[] = []
  const texts = ['a superb film', 'awful awful', 'dull<br />dull superb']
  const { probabilities: found, revision } = await classifyWithPipeline({ ...request, model, texts }, (count) =>
    done.push(count),
  )
  expect(revision).toBeUndefined()
  const logits = [
    [-1, 1],
    [2, -2],
    [3, 1],
  ]
  for (const [i, [negative, positive]] of logits.entries())
    for (const [j, expected] of softmaxOfTwo(negative, positive).entries()) expect(found[i][j]).toBeCloseTo(expected, 5)
  expect(done).toEqual([1, 2, 3])
})

test('LABEL_0 and LABEL_1 are negative and positive, unless the caller says otherwise', async () => {
  const model = writeWordCounter(['LABEL_0', 'LABEL_1'], WEIGHTS)
  const texts = ['a superb film']
  const positive = await positiveOf({ model, texts })
  expect(positive).toBeGreaterThan(0.5)
  const labels = { LABEL_0: 'positive', LABEL_1: 'negative' }
  const reversed = await positiveOf({ model, texts, labels })
  expect(reversed).toBeCloseTo(1 - positive, 6)
})

test('a text of any length is read as far as the model can', async () => {
  const model = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  const texts = [`${'film '.repeat(600)} superb`, `superb ${'film '.repeat(600)}`]
  const { probabilities } = await classifyWithPipeline({ ...request, model, texts }, () => {})
  const [[, after], [, before]] = probabilities
  expect(after).toBeCloseTo(0.5, 6)
  expect(before).toBeCloseTo(softmaxOfTwo(-1, 1)[1], 5)
})

test('a folder without a model, a damaged one and unclear labels are reported with the reason', async () => {
  const run = (model: string, more: object = {}) =>
    classifyWithPipeline({ ...request, model, texts: ['a film'], ...more }, () => {})
  await expectError(run(freshPath()), 'pipeline_invalid', 'cannot be loaded')
  const good = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  await expectError(run(good, { dtype: 'q8' }), 'pipeline_invalid', 'model_quantized.onnx')
  const damaged = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  writeFileSync(join(damaged, 'onnx', 'model.onnx'), 'nothing')
  await expectError(run(damaged), 'pipeline_invalid', 'cannot be loaded')
  const stars = writeWordCounter(['1 star', '2 stars', '3 stars'], { superb: [0, 1, 2] })
  await expectError(run(stars), 'pipeline_invalid', '1 star', '--pipeline-labels')
})

test('a pipeline of the hub runs at one commit, which is downloaded once from HF_ENDPOINT into the folder of HF_HOME', async () => {
  const hub = await startHub({ 'owner/counter': writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS) })
  const run = (model: string) =>
    withEnvironment(hub.environment, () =>
      classifyWithPipeline({ ...request, isFolder: false, model, texts: ['a superb film'] }, () => {}),
    )
  const first = hub.commit
  const { probabilities, revision } = await run('owner/counter')
  expect(probabilities[0][1]).toBeCloseTo(softmaxOfTwo(-1, 1)[1], 5)
  expect(revision).toBe(first)
  expect(hub.requested).toContain(`/owner/counter/resolve/${first}/onnx/model.onnx`)
  hub.requested.length = 0
  await run('owner/counter')
  expect(hub.requested.filter((path) => path.endsWith('model.onnx'))).toEqual([])
  hub.commit = 'd'.repeat(40)
  expect((await run('owner/counter')).revision).toBe(hub.commit)
  expect(hub.requested).toContain(`/owner/counter/resolve/${hub.commit}/onnx/model.onnx`)

  await expectError(run('owner/nothing'), 'pipeline_invalid', 'owner/nothing cannot be loaded')
  hub.failing = 1000
  await expectError(run('owner/other'), 'hub_unavailable', hub.environment.HF_ENDPOINT, '503')
  // Without the hub, the last download is used.
  expect((await run('owner/counter')).revision).toBe(hub.commit)
})

test('a pipeline that is larger than allowed is not downloaded', async () => {
  const hub = await startHub({ 'owner/counter': writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS) })
  const run = (maxBytes: number) =>
    withEnvironment(hub.environment, () =>
      classifyWithPipeline(
        { ...request, isFolder: false, model: 'owner/counter', texts: ['a film'], maxBytes },
        () => {},
      ),
    )
  await expectError(run(1000), 'pipeline_invalid', 'owner/counter', 'more than 0 MiB', '--pipeline-mib')
  expect((await run(2 ** 24)).revision).toBe(hub.commit)
})

test('without the package, the error has the command that installs it', async () => {
  const model = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  const run = withEnvironment(withoutTransformers(), () =>
    classifyWithPipeline({ ...request, model, texts: ['a film'] }, () => {}),
  )
  await expectError(run, 'pipeline_invalid', 'not installed', 'npm install @huggingface/transformers@')
})

test('a Hub that cannot be reached is not taken for a model that cannot be loaded', async () => {
  const nowhere = { HF_ENDPOINT: 'http://127.0.0.1:9', HF_HOME: freshPath('hub') }
  const run = withEnvironment(nowhere, () =>
    classifyWithPipeline({ ...request, isFolder: false, model: 'owner/counter', texts: ['a film'] }, () => {}),
  )
  await expectError(run, 'hub_unavailable', 'could not be reached')
})

test('a pipeline is a folder, or a name on the hub', async () => {
  const model = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  expect(locatePipeline(model)).toEqual({ model, isFolder: true })
  expect(locatePipeline('owner/name.v2')).toEqual({ model: 'owner/name.v2', isFolder: false })
  await expectError((async () => locatePipeline('./nowhere/at/all'))(), 'file_missing', './nowhere/at/all')
  for (const path of ['../etc', '..', 'owner/..', '/etc', 'owner/name/onnx', 'C:\\models', 'http://127.0.0.1/x', ''])
    expect(isHubName(path), path).toBe(false)
})
