import { expect, test, vi } from 'vitest'
import type { Access } from '../../platform/use-cases/access.ts'
import { type StartMcp, startMcp } from './start-mcp.ts'

const LEGACY = '2025-03-26'
const WITHIN = { timeout: 20_000 }

const access: Access = {
  hasKeys: async () => true,
  verify: async (secret) => ({ owner: secret, scopes: ['train'] }),
}

async function startWithTraining(options: StartMcp = {}) {
  const server = await startMcp({ access, ...options })
  const send = (body: unknown, secret = 'a', init: RequestInit = {}) =>
    fetch(`${server.url}/mcp`, {
      method: 'POST',
      body: JSON.stringify(body),
      ...init,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': LEGACY,
        authorization: `Bearer ${secret}`,
        ...init.headers,
      },
    })
  const launch = async () => {
    const response = await fetch(`${server.url}/v1/trainings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer b' },
      body: JSON.stringify({ dataset: server.films, method: 'lora' }),
    })
    return ((await response.json()) as { id: string }).id
  }
  return { ...server, send, training: await launch() }
}

const waitFor = (training: string, seconds: number, count: number) =>
  Array.from({ length: count }, (_, id) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'get_training', arguments: { training, wait_seconds: seconds } },
  }))

const codeOf = async (response: Response) =>
  ((await response.json()) as { error: { data: { code: string } } }).error.data.code

test('a batch of ten messages is answered, and a larger one is rejected', async () => {
  const { send, training } = await startWithTraining()
  const answered = await (await send(waitFor(training, 0, 10))).text()
  expect(answered.match(/"id":\d+/g)).toHaveLength(10)
  const rejected = await send(waitFor(training, 0, 11))
  expect([rejected.status, await codeOf(rejected)]).toEqual([422, 'body_invalid'])
})

test('each message of a batch counts for the rate limit', async () => {
  const { send, training } = await startWithTraining({ appOptions: { rateLimit: { requests: 12, seconds: 60 } } })
  // The other tests count in the same table.
  expect((await send(waitFor(training, 0, 10), 'counted')).status).toBe(200)
  const rejected = await send(waitFor(training, 0, 3), 'counted')
  expect([rejected.status, await codeOf(rejected)]).toEqual([429, 'rate_limited'])
  expect((await send(waitFor(training, 0, 3), 'c')).status).toBe(200)
})

test('each message of a batch counts as a request until the batch has been answered', async () => {
  const { url, send, training } = await startWithTraining({ appOptions: { maxRequests: 40 } })
  const list = async (secret: string) =>
    (await fetch(`${url}/v1/adapters`, { headers: { authorization: `Bearer ${secret}` } })).status
  const client = new AbortController()
  // Key b has launched the training, so key a may hold a quarter.
  expect((await send(waitFor(training, 30, 10), 'a', { signal: client.signal })).status).toBe(200)
  expect(await codeOf(await send(waitFor(training, 30, 1)))).toBe('overloaded')
  expect([await list('a'), await list('b')]).toEqual([429, 200])
  client.abort()
  await vi.waitFor(async () => expect(await list('a')).toBe(200), WITHIN)
})

test('all who wait for one training share one query', async () => {
  const { platform, send, training } = await startWithTraining()
  const select = vi.spyOn(platform.store.db, 'select')
  const queriesOf = async (requests: number) => {
    select.mockClear()
    await Promise.all(Array.from({ length: requests }, async () => (await send(waitFor(training, 2, 10))).text()))
    return select.mock.calls.length
  }
  // Each of the 80 calls asks once itself, and then every half a second together with the others.
  expect(await queriesOf(8)).toBeLessThan(80 + 40)
})

test('an origin that is not this machine is rejected, also with a key', async () => {
  const { send, training } = await startWithTraining()
  const from = async (origin: string) => (await send(waitFor(training, 0, 1)[0], 'a', { headers: { origin } })).status
  expect([await from('https://page.example'), await from('null')]).toEqual([403, 403])
  expect(await from('http://localhost:6274')).toBe(200)
})
