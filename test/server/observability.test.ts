import { expect, test, vi } from 'vitest'
import { loggerTo, makeLog } from '../../server/log.ts'
import { post, type StartOptions, start } from './start.ts'

const UUID = /^[\da-f-]{36}$/

async function startWithLog(options: StartOptions = {}) {
  const lines: string[] = []
  const log = makeLog({ write: (line) => lines.push(line) })
  const server = await start({ ...options, platformParts: { logger: loggerTo(log) }, appOptions: { log } })
  return { ...server, lines, entries: () => lines.map((line) => JSON.parse(line)) }
}

test('each request is logged as one line with its route and outcome, and without texts', async () => {
  const { url, lines, entries } = await startWithLog()
  await post(url, { inputs: ['a secret review', 'good'] }, { headers: { 'x-request-id': 'mine' } })
  await fetch(`${url}/v1/adapters/secret-name?q=secret`)
  await fetch(`${url}/secret`)
  expect(entries()).toMatchObject([
    {
      request_id: expect.stringMatching(UUID),
      client_request_id: 'mine',
      method: 'POST',
      route: '/v1/predictions',
      status: 200,
      rows: 2,
      duration_ms: expect.any(Number),
    },
    { method: 'GET', route: '/v1/adapters/{id}', status: 404, error_code: 'adapter_unknown' },
    { method: 'GET', route: 'none', status: 404, error_code: 'not_found' },
  ])
  expect(lines.join('')).not.toContain('secret')
})

test('a client cannot choose the id under which its request is logged', async () => {
  const { url, entries } = await startWithLog()
  const send = (id: string) => fetch(`${url}/v1/adapters`, { headers: { 'x-request-id': id } })
  const ids = [(await send('same')).headers.get('x-request-id'), (await send('same')).headers.get('x-request-id')]
  await send('not safe to log; {}')
  expect(new Set(ids).size).toBe(2)
  expect(entries()).toMatchObject([
    { request_id: ids[0], client_request_id: 'same' },
    { request_id: ids[1], client_request_id: 'same' },
    { request_id: expect.stringMatching(UUID) },
  ])
  expect(entries()[2]).not.toHaveProperty('client_request_id')
})

test('the log contains the id of a key, never its secret', async () => {
  const verify = async () => ({ owner: 'id-of-the-key', scopes: ['predict' as const] })
  const { url, lines, entries } = await startWithLog({ access: { hasKeys: async () => true, verify } })
  await post(url, { inputs: ['good'] }, { headers: { authorization: 'Bearer graft_secret' } })
  expect(entries()).toMatchObject([{ key_id: 'id-of-the-key', status: 200 }])
  expect(lines.join('')).not.toContain('graft_secret')
})

test('an internal error is logged with its stack under the request id that the caller receives', async () => {
  const { url, platform, entries } = await startWithLog()
  platform.engine.classify = async () => {
    throw new Error('broken')
  }
  const response = await post(url, { inputs: ['good'] }, { headers: { 'x-request-id': 'mine' } })
  const problem = (await response.json()) as { problem: string }
  const request_id = response.headers.get('x-request-id') as string
  expect(problem.problem).toContain(request_id)
  expect(entries()).toMatchObject([
    { level: 50, request_id, err: { message: 'broken', stack: expect.stringContaining('observability.test') } },
    { level: 30, request_id, client_request_id: 'mine', status: 500, error_code: 'internal' },
  ])
})

const metric = (text: string, line: string) =>
  Number(
    text
      .split('\n')
      .find((one) => one.startsWith(`${line} `))
      ?.split(' ')
      .at(-1),
  )

test('metrics count requests by route, texts, the queue, adapters and trainings', async () => {
  const { url, platform } = await start()
  platform.engine.listLoaded = () => [
    { key: 'a', digest: 'a', bytes: 100 },
    { key: 'b', digest: 'b', bytes: 20 },
  ]
  await post(url, { inputs: ['good', 'bad'] })
  await post(url, { inputs: ['good'] })
  await post(url, {})
  await fetch(`${url}/nothing`)
  await fetch(`${url}/healthz`, { method: 'PATCH' })
  const response = await fetch(`${url}/metrics`)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/)
  const text = await response.text()
  const count = (route: string, method: string, status: number) =>
    metric(text, `graft_http_request_duration_seconds_count{route="${route}",method="${method}",status="${status}"}`)
  expect(count('/v1/predictions', 'POST', 200)).toBe(2)
  expect(count('/v1/predictions', 'POST', 422)).toBe(1)
  expect(count('none', 'GET', 404)).toBe(1)
  expect(count('/healthz', 'PATCH', 405)).toBe(1)
  expect(metric(text, 'graft_classified_rows_total')).toBe(3)
  expect(metric(text, 'graft_inference_batch_rows_sum')).toBe(3)
  expect(metric(text, 'graft_inference_duration_seconds_count')).toBe(2)
  expect(metric(text, 'graft_inference_wait_seconds_count')).toBe(3)
  expect(metric(text, 'graft_inference_tokens_total')).toBe(15)
  expect(metric(text, 'graft_queue_capacity_rows')).toBe(10_000)
  expect(metric(text, 'graft_queue_waiting_rows')).toBe(0)
  expect(metric(text, 'graft_adapters_loaded')).toBe(2)
  expect(metric(text, 'graft_adapters_loaded_bytes')).toBe(120)
  expect(metric(text, 'graft_trainings{status="queued"}')).toBe(0)
  expect(metric(text, 'graft_store_up')).toBe(1)
  for (const kind of ['training', 'evaluation', 'comparison']) {
    expect(metric(text, `graft_jobs_waiting{kind="${kind}"}`)).toBe(0)
    expect(metric(text, `graft_jobs_oldest_age_seconds{kind="${kind}"}`)).toBe(0)
  }
  expect(metric(text, 'graft_build_info{version="1.2.3"}')).toBe(1)
  expect(metric(text, 'process_resident_memory_bytes')).toBeGreaterThan(1e6)
  expect(text).toContain('nodejs_eventloop_lag_seconds')
})

test('without the database, the other metrics are still there', async () => {
  const { url, platform } = await start()
  vi.spyOn(platform.store.db, 'select').mockImplementation(() => {
    throw new Error('no route to db-7.internal')
  })
  const text = await (await fetch(`${url}/metrics`)).text()
  vi.restoreAllMocks()
  expect(metric(text, 'graft_store_up')).toBe(0)
  expect(metric(text, 'process_resident_memory_bytes')).toBeGreaterThan(1e6)
  expect(text).not.toMatch(/^graft_(trainings|jobs_waiting)\{/m)
  expect(metric(await (await fetch(`${url}/metrics`)).text(), 'graft_store_up')).toBe(1)
})

test('the server is ready if all health checks pass, and names those that fail', async () => {
  let isStoreUp = true
  const store = async () => {
    if (!isStoreUp) throw new Error('no route to db-7.internal')
  }
  const { url, platform } = await start({ appOptions: { healthChecks: [{ name: 'store', check: store }] } })
  const ready = await fetch(`${url}/readyz`)
  expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready', checks: { store: 'ok' } }])
  isStoreUp = false
  const unready = await fetch(`${url}/readyz`)
  expect([unready.status, await unready.json()]).toEqual([503, { status: 'unready', checks: { store: 'failed' } }])
  expect(platform.logged).toMatchObject([{ error: { message: 'no route to db-7.internal' } }])
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})

test('a health check that does not answer in time fails', async () => {
  const onAbort = vi.fn()
  const check = (signal: AbortSignal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(onAbort())))
  const { url } = await start({ appOptions: { healthChecks: [{ name: 'artifacts', check }] } })
  const response = await fetch(`${url}/readyz`)
  expect([response.status, await response.json()]).toEqual([
    503,
    { status: 'unready', checks: { artifacts: 'timeout' } },
  ])
  expect(onAbort).toHaveBeenCalledOnce()
})
