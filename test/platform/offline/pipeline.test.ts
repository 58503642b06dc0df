import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { classifyWithPipeline, locatePipeline } from '../../../platform/offline/pipeline.ts'
import { expectError, freshPath } from '../../checkpoint/helpers.ts'
import { writeWordCounter } from '../../training/pipeline/word-counter.ts'

const WEIGHTS = { superb: [-1, 1], awful: [1, -1], dull: [2, 0] }
const targets = ['negative', 'positive']
const request = { isFolder: true, targets, threads: 1 }
const softmaxOfTwo = (a: number, b: number) => [1 / (1 + Math.exp(b - a)), 1 / (1 + Math.exp(a - b))]

test('a pipeline in a folder returns its probabilities in the order of the labels, and reports progress', async () => {
  const model = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  const done: number[] = []
  const texts = ['a superb film', 'awful awful', 'dull<br />dull superb']
  const found = await classifyWithPipeline({ ...request, model, texts }, (count) => done.push(count))
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
  const [[, positive]] = await classifyWithPipeline({ ...request, model, texts }, () => {})
  expect(positive).toBeGreaterThan(0.5)
  const labels = { LABEL_0: 'positive', LABEL_1: 'negative' }
  const [[, reversed]] = await classifyWithPipeline({ ...request, model, texts, labels }, () => {})
  expect(reversed).toBeCloseTo(1 - positive, 6)
})

test('a text of any length is read as far as the model can', async () => {
  const model = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  const texts = [`${'film '.repeat(600)} superb`, `superb ${'film '.repeat(600)}`]
  const [[, after], [, before]] = await classifyWithPipeline({ ...request, model, texts }, () => {})
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

test('a pipeline of the Hub is downloaded once from HF_ENDPOINT, into the folder of HF_HOME', async () => {
  const folder = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  const requested: string[] = []
  const server = createServer((request, response) => {
    const path = join(folder, String(request.url).replace('/owner/counter/resolve/main/', ''))
    const content = existsSync(path) ? readFileSync(path) : undefined
    requested.push(String(request.url))
    response.writeHead(content ? 200 : 404, { 'content-length': content?.length ?? 0 }).end(content)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const run = () =>
    withEnvironment({ HF_ENDPOINT: `http://127.0.0.1:${port}`, HF_HOME: home }, () =>
      classifyWithPipeline({ ...request, isFolder: false, model: 'owner/counter', texts: ['a superb film'] }, () => {}),
    )
  const home = freshPath('hub')
  try {
    expect((await run())[0][1]).toBeCloseTo(softmaxOfTwo(-1, 1)[1], 5)
    expect(requested).toContain('/owner/counter/resolve/main/onnx/model.onnx')
    requested.length = 0
    await run()
    expect(requested).not.toContain('/owner/counter/resolve/main/onnx/model.onnx')
  } finally {
    server.close()
  }
})

test('without the package, the error has the command that installs it', async () => {
  const hide = `import { registerHooks } from 'node:module'
registerHooks({ resolve: (name, context, next) => next(name === '@huggingface/transformers' ? 'absent' : name, context) })`
  const model = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(hide)}`
  const run = withEnvironment({ NODE_OPTIONS }, () =>
    classifyWithPipeline({ ...request, model, texts: ['a film'] }, () => {}),
  )
  await expectError(run, 'pipeline_invalid', 'not installed', 'npm install @huggingface/transformers@')
})

/** Runs work with variables of the environment, which child processes inherit. */
async function withEnvironment<T>(variables: Record<string, string>, work: () => Promise<T>): Promise<T> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, variables)
  try {
    return await work()
  } finally {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
}

test('a pipeline is a folder, or a name on the Hub', async () => {
  const model = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  expect(locatePipeline(model)).toEqual({ model, isFolder: true })
  expect(locatePipeline('owner/name.v2')).toEqual({ model: 'owner/name.v2', isFolder: false })
  await expectError((async () => locatePipeline('./nowhere/at/all'))(), 'file_missing', './nowhere/at/all')
})
