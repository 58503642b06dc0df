import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshPath } from '../checkpoint/helpers.ts'
import { freshHome, type GraftProcess, startGraft, stopServer } from '../cli/run.ts'
import { connectAgent } from '../mcp/agents.ts'
import { post } from '../server/start.ts'
import { writeReviews } from '../training/tiny.ts'

/** Labels that every object of JavaScript has as properties, such as constructor and __proto__. */
const names = Object.getOwnPropertyNames(Object.prototype)
const sorted = names.toSorted()
/** Names of adapters and of a data set. */
const [adapterName, otherName, datasetName] = ['constructor', 'toString', 'hasOwnProperty']
const ROWS_OF_EACH = 4
const rows = names.flatMap((label) =>
  Array.from({ length: ROWS_OF_EACH }, (_, i) => JSON.stringify({ text: `Film ${i} about ${label}.`, label })),
)

const home = freshHome()
let server: GraftProcess
let url: string
beforeAll(async () => {
  server = startGraft(['serve', '--port', '0', '--threads', '1'], { GRAFT_HOME: home })
  await server.waitFor(/http:\S+\n/)
  url = server.stdout.trim()
})
afterAll(() => stopServer(server))

async function send<T>(method: string, path: string, body?: string | object): Promise<T> {
  const headers = { 'content-type': path.startsWith('/v1/datasets') ? 'application/jsonl' : 'application/json' }
  const text = typeof body === 'object' ? JSON.stringify(body) : body
  const response = await fetch(`${url}${path}`, { method, ...(text && { headers, body: text }) })
  const value = (await response.json()) as T
  expect(response.ok, JSON.stringify(value)).toBe(true)
  return value
}

/** Waits for a training, an evaluation or a comparison. */
async function waitFor<T>(path: string): Promise<T & { status: string }> {
  for (;;) {
    const work = await send<T & { status: string }>('GET', path)
    if (['succeeded', 'failed'].includes(work.status)) {
      expect(work).toMatchObject({ status: 'succeeded' })
      return work
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await startGraft(args, { GRAFT_HOME: home }).exited
  expect(code, stderr).toBe(0)
  return stdout
}

const keysOf = (record: object) => Object.keys(record).sort()

test('labels and names that every object has are like any other, from the upload to the comparison', async () => {
  const dataset = await send<{ labels: object }>('POST', `/v1/datasets?name=${datasetName}`, rows.join('\n'))
  const counts = sorted.map((name) => [name, ROWS_OF_EACH])
  const { data: listed } = await send<{ data: { labels: object }[] }>('GET', '/v1/datasets')
  const shown = await send<typeof dataset>('GET', `/v1/datasets/${datasetName}`)
  for (const { labels } of [dataset, shown, listed[0]]) expect(Object.entries(labels).sort()).toEqual(counts)

  // Without label_words, each label gets a word of its own.
  const metadata = Object.fromEntries(names.map((name, i) => [name, `note ${i}`]))
  const request = { dataset: datasetName, test_dataset: datasetName, steps: 2, metadata }
  const { plan } = await send<{ plan: { labels: object } }>('POST', '/v1/trainings?dry_run=true', request)
  expect(keysOf(plan.labels)).toEqual(sorted)
  expect(new Set(Object.values(plan.labels)).size).toBe(names.length)

  // With label_words, those are used.
  const label_words = plan.labels
  const launches = [
    { ...request, name: adapterName },
    { ...request, name: otherName, seed: 1, label_words },
  ]
  const trainings: { id: string }[] = []
  for (const launch of launches) trainings.push(await send('POST', '/v1/trainings', launch))
  for (const { id } of trainings) {
    const training = await waitFor<{ metadata: object; plan: typeof plan; result: { findings: { code: string }[] } }>(
      `/v1/trainings/${id}`,
    )
    expect(keysOf(training.metadata)).toEqual(sorted)
    expect(Object.entries(training.plan.labels).sort()).toEqual(Object.entries(label_words).sort())
    expect(training.result.findings.map(({ code }) => code)).toContain('few_rows')
  }

  const { data: adapters } = await send<{ data: { name: string; labels: string[] }[] }>('GET', '/v1/adapters')
  for (const name of [adapterName, otherName])
    expect(adapters.find((adapter) => adapter.name === name)).toMatchObject({ labels: sorted })

  const response = await post(url, { inputs: ['A film.'], adapters: [adapterName, otherName] })
  const { results } = (await response.json()) as {
    results: { label: string; score: number; scores: Record<string, number> }[][]
  }
  for (const { label, score, scores } of results[0]) {
    expect(keysOf(scores)).toEqual(sorted)
    expect(Object.values(scores).reduce((sum, value) => sum + value)).toBeCloseTo(1, 5)
    expect(Object.entries(scores)).toContainEqual([label, score])
  }

  const pair = { adapters: [adapterName, otherName], dataset: datasetName }
  const evaluation = await send<{ id: string }>('POST', '/v1/evaluations', {
    adapter: adapterName,
    dataset: datasetName,
  })
  const comparison = await send<{ id: string }>('POST', '/v1/comparisons', pair)
  const { metrics } = await waitFor<{ metrics: { labels: string[]; n: number } }>(`/v1/evaluations/${evaluation.id}`)
  expect([metrics.labels, metrics.n]).toEqual([sorted, rows.length])
  const { result } = await waitFor<{ result: { n: number } }>(`/v1/comparisons/${comparison.id}`)
  expect(result.n).toBe(rows.length)
}, 240_000)

test('agents see these labels in lists, predictions and comparisons', async () => {
  const agent = await connectAgent('2026-07-28', { url: `${url}/mcp` })
  const call = async <T>(name: string, args: Record<string, unknown>) =>
    (await agent.call(name, args)).structuredContent as T
  const { data } = await call<{ data: { name: string; labels: object }[] }>('list_datasets', { detail: 'full' })
  expect(keysOf(data.find(({ name }) => name === datasetName)?.labels ?? {})).toEqual(sorted)
  const short = await call<{ data: typeof data }>('list_datasets', {})
  expect(keysOf(short.data.find(({ name }) => name === datasetName)?.labels ?? {})).toEqual(sorted)
  const { results } = await call<{ results: { scores: object }[] }>('classify_reviews', {
    reviews: ['A film.'],
    adapter: adapterName,
    detail: 'full',
  })
  expect(keysOf(results[0].scores)).toEqual(sorted)
  await agent.close()
}, 60_000)

test('the command line trains, predicts, evaluates, compares and lists them', async () => {
  const data = writeReviews(names.flatMap((label) => Array(ROWS_OF_EACH).fill({ text: `About ${label}.`, label })))
  const [out, second] = [freshPath('constructor'), freshPath('valueOf')]
  for (const folder of [out, second])
    await run('train', '--data', data, '--test', data, '--steps', '1', '--threads', '1', '--out', folder)
  const predicted = JSON.parse(await run('predict', '--checkpoint', out, 'A film.', '--json'))
  expect(keysOf(predicted.results[0][0].scores)).toEqual(sorted)
  const evaluated = JSON.parse(await run('evaluate', '--checkpoint', out, '--data', data, '--json'))
  expect(JSON.stringify(evaluated)).toContain(JSON.stringify(sorted))
  await run('compare', '--checkpoint', out, '--checkpoint', second, '--data', data, '--json')
  expect(await run('datasets')).toContain('__proto__ 4')
}, 240_000)
