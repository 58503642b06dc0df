import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadBase } from '../../checkpoint/base.ts'
import { compare } from '../../cli/commands/compare.ts'
import { compareAdapters } from '../../library/library.ts'
import { expectError, freshPath } from '../checkpoint/helpers.ts'
import { saveRandom } from '../checkpoint/onnx/helpers.ts'
import { startHub } from '../training/pipeline/hub.ts'
import { writeWordCounter } from '../training/pipeline/word-counter.ts'
import { makeReviews, tinyBase, writeReviews } from '../training/tiny.ts'
import { freshHome, runInProcess, startGraft, stopServer } from './run.ts'

/** Three of these words decide the label of each review. */
const WEIGHTS = Object.fromEntries([
  ...['lovely', 'superb', 'moving', 'gripping'].map((word) => [word, [-1, 1]]),
  ...['dull', 'awful', 'clumsy', 'tedious'].map((word) => [word, [1, -1]]),
])

test('a pipeline is compared with an adapter on the same reviews, with the same statistics', async () => {
  const adapter = await saveRandom(await loadBase(tinyBase()), { method: 'lora' })
  const data = ['--data', writeReviews(makeReviews(60)), '--base', tinyBase(), '--threads', '1']
  const counter = writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS)
  const args = ['--checkpoint', adapter, '--pipeline', counter, ...data]
  const report = freshPath('report.html')
  const { adapters, pairs, verdict } = JSON.parse(await runInProcess(compare, ...args, '--report', report, '--json'))
  expect(adapters).toMatchObject([{ name: 'adapter' }, { name: 'counter', n: 60, accuracy: 1, f1: 1 }])
  expect(adapters[0].accuracy).toBeLessThan(0.9)
  expect(pairs).toMatchObject([{ a: 'adapter', b: 'counter', better: 'counter', losses: 0 }])
  expect(verdict).toMatch(/^counter is better: /)
  const page = readFileSync(report, 'utf8')
  expect(page).toContain('<title>Comparison of adapter and counter on 60 reviews</title>')
  expect(page).toContain(`<p class="exact">${verdict}</p>`)

  const alone = ['--pipeline', counter, ...data]
  await expectError(runInProcess(compare, ...alone), 'usage', '--checkpoint', 'none')
  await expectError(runInProcess(compare, ...args, '--pipeline', counter), 'usage', 'twice')
})

test('labels that could mean anything are named by a flag', async () => {
  const adapter = await saveRandom(await loadBase(tinyBase()), { method: 'lora' })
  const data = ['--data', writeReviews(makeReviews(20)), '--base', tinyBase(), '--threads', '1']
  const critic = writeWordCounter(['thumbs down', 'thumbs up'], WEIGHTS)
  const args = ['--checkpoint', adapter, '--pipeline', critic, ...data]
  await expectError(runInProcess(compare, ...args), 'pipeline_invalid', 'thumbs down', '--pipeline-labels')
  const named = ['--pipeline-labels', 'thumbs down=negative,thumbs up=positive', '--json']
  const { adapters } = JSON.parse(await runInProcess(compare, ...args, ...named))
  expect(adapters[1]).toMatchObject({ accuracy: 1 })
})

test('a running server compares an adapter of the store with a pipeline of the hub, and keeps the comparison', async () => {
  const hub = await startHub({ 'owner/counter': writeWordCounter(['NEGATIVE', 'POSITIVE'], WEIGHTS) })
  const GRAFT_HOME = freshHome()
  const adapter = await saveRandom(await loadBase(tinyBase()), { method: 'lora' })
  const server = startGraft(
    ['serve', '--port', '0', '--base', tinyBase(), '--checkpoint', adapter, '--allow-pipelines', '--threads', '1'],
    { GRAFT_HOME, ...hub.environment },
  )
  await server.waitFor(/^http\S+\n/m)
  try {
    const GRAFT_URL = /^http\S+/m.exec(server.stdout)?.[0] ?? ''
    const args = ['--adapter', 'adapter', '--pipeline', 'owner/counter', '--data', writeReviews(makeReviews(60))]
    const report = freshPath('report')
    const command = ['compare', ...args, '--report', `${report}/`, '--json']
    const { code, stdout, stderr } = await startGraft(command, { GRAFT_URL }).exited
    expect(code, stderr).toBe(0)
    const charts = ['accuracy', 'calibration', 'differences', 'pairs', 'parameters', 'slices']
    expect(readdirSync(report).sort()).toEqual([...charts.map((name) => `${name}.svg`), 'report.html'].sort())
    const page = readFileSync(join(report, 'report.html'), 'utf8')
    expect(page).toContain('<title>Comparison of adapter and owner/counter on 60 reviews</title>')
    const { adapters } = JSON.parse(stdout)
    expect(adapters).toMatchObject([{ name: 'adapter' }, { name: 'owner/counter', accuracy: 1, revision: hub.commit }])
    const get = async (path: string) => (await fetch(`${GRAFT_URL}/v1/comparisons${path}`)).json()
    const { data } = (await get('')) as { data: { id: string }[] }
    const kept = await get(`/${data[0].id}`)
    expect(kept).toMatchObject({ status: 'succeeded', pipelines: [{ name: 'owner/counter' }], result: { adapters } })
  } finally {
    await stopServer(server)
  }
}, 120_000)

test('the library compares adapters with pipelines', async () => {
  const base = tinyBase()
  const adapter = await saveRandom(await loadBase(base), { method: 'lora' })
  const model = writeWordCounter(['thumbs down', 'thumbs up'], WEIGHTS)
  const labels = { 'thumbs down': 'negative', 'thumbs up': 'positive' }
  const options = { adapters: [adapter], data: writeReviews(makeReviews(60)), base, threads: 1 }
  const progress: [number, number][] = []
  const onProgress = (done: number, total: number) => void progress.push([done, total])
  const { adapters, pairs } = await compareAdapters({ ...options, pipelines: [{ model, labels }], onProgress })
  expect(adapters).toMatchObject([{ name: 'adapter' }, { name: 'counter', accuracy: 1 }])
  expect(pairs).toMatchObject([{ a: 'adapter', b: 'counter', better: 'counter' }])
  expect(progress.at(-1)).toEqual([120, 120])
  const missing = { model: './nowhere/at/all' }
  await expectError(compareAdapters({ ...options, pipelines: [missing] }), 'file_missing', './nowhere/at/all')
})
