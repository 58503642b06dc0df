import { expect, test } from 'vitest'
import { comparison } from '../../platform/schemas/comparisons.ts'
import { readProblem, start } from './start.ts'
import { withFiles } from './with-files.ts'

/** Starts a server with a data set and the adapters `one` and `other`. */
async function startWithFilms(allowPipelines?: boolean) {
  const { url } = await start({
    adapters: ['one', 'other'],
    platformParts: { ...(await withFiles()), ...(allowPipelines !== undefined && { allowPipelines }) },
  })
  const send = (path: string, body: string, type: string) =>
    fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': type }, body })
  const data = '{"text": "good", "label": "positive"}\n{"text": "bad", "label": "negative"}'
  const name = `films-${allowPipelines}`
  expect((await send(`/v1/datasets?name=${name}`, data, 'application/jsonl')).status).toBe(201)
  const create = (body: object) =>
    send('/v1/comparisons', JSON.stringify({ dataset: name, ...body }), 'application/json')
  return { url, create }
}

test('pipelines are compared with one adapter or more, under the names of their repositories', async () => {
  const { url, create } = await startWithFilms(true)
  const labels = { '1 star': 'negative', '5 stars': 'positive' }
  const pipelines = [{ model: 'owner/stars', labels }, { model: 'owner/stars', dtype: 'q8' }, { model: 'one' }]
  const response = await create({ adapters: ['one'], pipelines })
  expect(response.status).toBe(201)
  const created = comparison.parse(await response.json())
  expect(created).toMatchObject({ status: 'queued', adapters: [{ name: 'one' }] })
  expect(created.pipelines).toEqual([
    { name: 'owner/stars', model: 'owner/stars', labels },
    { name: 'owner/stars-2', model: 'owner/stars', dtype: 'q8' },
    { name: 'one-2', model: 'one' },
  ])
  expect(await (await fetch(`${url}/v1/comparisons/${created.id}`)).json()).toEqual(created)
  const { data } = (await (await fetch(`${url}/v1/comparisons`)).json()) as { data: object[] }
  expect(data[0]).toEqual(created)
})

test('a path, wrong labels, and too few, too many or equal pipelines are refused', async () => {
  const { create } = await startWithFilms(true)
  const pipeline = { model: 'owner/name' }
  const adapters = ['one']
  for (const model of [
    './classifier',
    '/models/classifier',
    '../classifier',
    'owner/..',
    'http://127.0.0.1/x',
    'a/b/c',
  ])
    expect(await readProblem(await create({ adapters, pipelines: [{ model }] }))).toMatchObject({
      code: 'body_invalid',
      subject: 'pipelines[0].model',
      expected: expect.stringContaining('OWNER/NAME, and not a path'),
    })
  for (const [body, problem] of [
    [{ adapters }, { code: 'body_invalid', subject: 'adapters' }],
    [
      { adapters: ['one', 'other'], pipelines: Array.from({ length: 7 }, (_, i) => ({ model: `owner/${i}` })) },
      { code: 'body_invalid', subject: 'adapters', found: '9' },
    ],
    [
      { adapters: [], pipelines: [pipeline, { model: 'owner/other' }] },
      { code: 'body_invalid', subject: 'adapters', expected: 'at least one adapter' },
    ],
    [
      { adapters, pipelines: [pipeline, { ...pipeline, dtype: 'fp32' }] },
      { code: 'body_invalid', subject: 'pipelines[1]' },
    ],
    [
      { adapters, pipelines: [{ ...pipeline, dtype: 'f64' }] },
      { code: 'body_invalid', subject: 'pipelines[0].dtype' },
    ],
    [
      { adapters, pipelines: [{ ...pipeline, isFolder: true }] },
      { code: 'body_invalid', expected: 'only model, labels, dtype' },
    ],
    [
      { adapters, pipelines: [{ ...pipeline, labels: { good: 'excellent' } }] },
      { code: 'pipeline_invalid', found: 'excellent', expected: expect.stringContaining('negative, positive') },
    ],
  ] as const)
    expect(await readProblem(await create(body)), JSON.stringify(body)).toMatchObject(problem)
})

test('unless the operator allows pipelines, they are refused, and nothing is queued', async () => {
  const { url, create } = await startWithFilms()
  const list = async () => ((await (await fetch(`${url}/v1/comparisons`)).json()) as { data: object[] }).data.length
  const before = await list()
  const body = { adapters: ['one'], pipelines: [{ model: 'owner/name' }] }
  expect(await readProblem(await create(body))).toMatchObject({
    status: 403,
    code: 'pipelines_disabled',
    fix: expect.stringContaining('--allow-pipelines'),
  })
  expect(await list()).toBe(before)
  expect((await create({ adapters: ['one', 'other'], pipelines: [] })).status).toBe(201)
})
