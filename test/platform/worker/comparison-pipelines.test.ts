import { writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compareCheckpoints } from '../../../platform/offline/compare.ts'
import type { Platform } from '../../../platform/platform.ts'
import type { Comparison, ComparisonRequest } from '../../../platform/schemas/comparisons.ts'
import { selectAdapter } from '../../../platform/store/adapters.ts'
import { createComparison, getComparison } from '../../../platform/use-cases/comparisons.ts'
import { startWorker, workOnce } from '../../../platform/worker/worker.ts'
import { freshPath } from '../../checkpoint/helpers.ts'
import { embeddedPlace, type Place } from '../../contract/store/embedded.ts'
import { startHub, withEnvironment, withoutTransformers } from '../../training/pipeline/hub.ts'
import { writeWordCounter } from '../../training/pipeline/word-counter.ts'
import { makeReviews, tinyBase, writeReviews } from '../../training/tiny.ts'
import { childrenOf, waitUntil } from './wait-until.ts'
import { type Inputs, launchTraining, setUpWorker, storeDataset, type WorkerContext } from './worker-context.ts'

const WEIGHTS = Object.fromEntries([
  ...['lovely', 'superb', 'moving', 'gripping'].map((word) => [word, [-1, 1]]),
  ...['dull', 'awful', 'clumsy', 'tedious'].map((word) => [word, [1, -1]]),
])
const model = 'owner/counter'

let place: Place
let home: string
let context: WorkerContext
let platform: Platform
let inputs: Inputs
const logged: unknown[] = []

beforeAll(async () => {
  ;({ place, home, context, inputs } = await setUpWorker(embeddedPlace, logged))
  context = { ...context, allowPipelines: true }
  platform = context as unknown as Platform
  await launchTraining(context, inputs, { steps: 1 }, { name: 'short' })
  await workOnce(context)
})
afterAll(async () => {
  await context?.close()
  await place?.remove()
  await rm(home, { recursive: true, force: true })
})

const create = (request: Partial<ComparisonRequest> = {}): Promise<Comparison> =>
  createComparison(
    platform,
    { adapters: ['short'], dataset: 'test', pipelines: [{ model }], ...request },
    { owner: '', scopes: [] },
  )

/** Runs one job. */
const work = (environment: Readonly<Record<string, string>>, more: Partial<WorkerContext> = {}) =>
  withEnvironment(environment, () => workOnce({ ...context, ...more }))

test('a worker downloads a pipeline and compares it as graft compare does', async () => {
  const folder = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  const hub = await startHub({ [model]: folder })
  const { id } = await create()
  await work(hub.environment)
  const { status, result } = await getComparison(platform, id)
  const { artifact } = await selectAdapter(context.store.db, 'short')
  const same = await compareCheckpoints(
    {
      adapters: [{ name: 'short', base: tinyBase(), checkpoint: await context.cache.folder(artifact) }],
      pipelines: [{ name: model, model: folder, isFolder: true }],
      data: await context.cache.file(inputs.test.digest),
      threads: 1,
    },
    () => {},
  )
  expect(status).toBe('succeeded')
  const [adapter, pipeline] = JSON.parse(JSON.stringify(same.adapters))
  expect(result).toEqual({
    ...JSON.parse(JSON.stringify(same)),
    adapters: [adapter, { ...pipeline, revision: hub.commit }],
  })
  expect(result?.pairs).toMatchObject([{ a: 'short', b: model, better: model, losses: 0 }])
})

test('a failure is an error that says what to do, without paths of the worker, and is not retried', async () => {
  const stars = writeWordCounter(['1 star', '2 stars', '3 stars'], { superb: [0, 1, 2] })
  const damaged = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  writeFileSync(join(damaged, 'onnx', 'model.onnx'), 'nothing')
  const good = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  const hub = await startHub({ 'owner/stars': stars, 'owner/damaged': damaged, [model]: good })
  const fail = async (request: Partial<ComparisonRequest>, environment: object = {}, more: object = {}) => {
    const { id } = await create(request)
    await work({ ...hub.environment, ...environment }, more)
    const { status, error } = await getComparison(platform, id)
    expect([status, JSON.stringify(error)]).toEqual(['failed', expect.not.stringContaining(hub.environment.HF_HOME)])
    return error
  }
  expect(await fail({ pipelines: [{ model: 'owner/stars' }] })).toMatchObject({
    code: 'pipeline_invalid',
    expected: 'labels that mean negative, positive',
    found: 'the labels 1 star, 2 stars, 3 stars',
  })
  expect(await fail({ pipelines: [{ model: 'owner/nothing' }] })).toMatchObject({ code: 'pipeline_invalid' })
  expect(await fail({ pipelines: [{ model: 'owner/damaged' }] })).toMatchObject({
    code: 'pipeline_invalid',
    problem: expect.stringMatching(/^cannot be loaded: .*the hub’s cache/),
  })
  expect(await fail({}, withoutTransformers())).toMatchObject({
    code: 'pipeline_invalid',
    subject: 'the package @huggingface/transformers',
    problem: 'is not installed',
  })
  expect(await fail({}, { HF_HOME: freshPath('other') }, { pipelineBytes: 1000 })).toMatchObject({
    code: 'pipeline_invalid',
    problem: expect.stringContaining('the limit of this worker'),
  })
  expect(await fail({}, {}, { allowPipelines: false })).toMatchObject({ code: 'pipelines_disabled' })
})

test('a comparison is retried while the hub is unavailable, and after its process was killed', async () => {
  logged.length = 0
  await storeDataset(context.store.db, context.artifacts, 'many', writeReviews(makeReviews(2000, 5)))
  const hub = await startHub({ [model]: writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS) })
  hub.failing = 1000
  const { id } = await create({ dataset: 'many' })
  await withEnvironment(hub.environment, async () => {
    const worker = await startWorker(context)
    try {
      await waitUntil(
        async () => logged.length,
        (count) => count > 0,
      )
      expect(logged).toMatchObject([{ code: 'hub_unavailable' }])
      hub.failing = 0
      const pipelineProcesses = () => childrenOf('short-work-child').flatMap((pid) => childrenOf('pipeline/child', pid))
      // Once it has the model, it classifies.
      const [pid] = await waitUntil(
        async () => (hub.requested.some((path) => path.endsWith('model.onnx')) ? pipelineProcesses() : []),
        ({ length }) => length > 0,
      )
      process.kill(pid, 'SIGKILL')
      const ended = await waitUntil(
        () => getComparison(platform, id),
        ({ status }) => status === 'succeeded' || status === 'failed',
        60,
      )
      expect(ended).toMatchObject({ status: 'succeeded', result: { n: 2000 } })
      expect(logged.map((error) => (error as { code: string }).code)).toEqual(['hub_unavailable', 'comparison_failed'])
    } finally {
      await worker.close()
    }
  })
}, 120_000)

test('a comparison of a worker that is closed in the middle is continued by the next one', async () => {
  const hub = await startHub({ [model]: writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS) })
  const { id } = await create({ dataset: 'many' })
  await withEnvironment(hub.environment, async () => {
    const worker = await startWorker(context)
    const [child] = await waitUntil(
      async () => childrenOf('short-work-child').flatMap((pid) => childrenOf('pipeline/child', pid)),
      ({ length }) => length > 0,
    )
    await worker.close()
    expect((await getComparison(platform, id)).status).not.toBe('succeeded')
    // The process of the pipeline ends with the one that started it.
    await waitUntil(
      async () => isRunning(child),
      (running) => !running,
    )
    expect((await workOnce(context)).worked).toBe(true)
  })
  expect(await getComparison(platform, id)).toMatchObject({ status: 'succeeded', result: { n: 2000 } })
}, 120_000)

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
