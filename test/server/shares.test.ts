import { setTimeout } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import type { Access } from '../../platform/use-cases/access.ts'
import { route } from '../../server/route.ts'
import type { FakePlatform } from '../platform/fake-platform.ts'
import { openSocket, post, readProblem, type StartOptions, start, waitUntil } from './start.ts'

/** Each secret is a key of its own. */
const access: Access = {
  hasKeys: async () => true,
  verify: async (secret) => ({ owner: secret, scopes: ['train'] }),
}

const WITHIN = { timeout: 20_000 }

const withKeys = (options: StartOptions = {}) => start({ access, ...options })
const bearer = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } })
const listAs = async (url: string, secret: string) => (await fetch(`${url}/v1/adapters`, bearer(secret))).status

/** Makes every classification wait until the returned function is called. */
function closeGate({ engine }: FakePlatform): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  engine.gate = promise
  return resolve
}

test('a key that fills the server leaves room for others, and is accepted again when it has finished', async () => {
  const { url, platform } = await withKeys({ appOptions: { maxRequests: 8 } })
  const openGate = closeGate(platform)
  const greedy = Array.from({ length: 6 }, () => post(url, { inputs: ['good'] }, bearer('a')))
  await waitUntil(() => platform.engine.calls.length === 6)
  const rejected = await fetch(`${url}/v1/adapters`, bearer('a'))
  expect(rejected.headers.get('retry-after')).toBe('1')
  expect(await readProblem(rejected)).toMatchObject({ code: 'overloaded', status: 429, subject: 'the key' })
  expect(await listAs(url, 'b')).toBe(200)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  openGate()
  for (const { status } of await Promise.all(greedy)) expect(status).toBe(200)
  expect(await listAs(url, 'a')).toBe(200)
})

test('a request counts until its response has been sent', async () => {
  const slow = route({
    method: 'GET',
    path: '/slow',
    summary: 'Send a response without end',
    tag: 'Server',
    scope: 'train',
    responses: { 200: { description: 'Never ends.', contentTypes: ['text/plain'] } },
    handle: () => new Response(new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('x')) })),
  })
  const { url } = await withKeys({ appOptions: { maxRequests: 2, extraRoutes: [slow] } })
  const client = new AbortController()
  expect((await fetch(`${url}/slow`, { ...bearer('a'), signal: client.signal })).status).toBe(200)
  expect(await listAs(url, 'a')).toBe(429)
  client.abort()
  await vi.waitFor(async () => expect(await listAs(url, 'a')).toBe(200), WITHIN)
})

test('requests that wait behind others on a closed connection no longer count', async () => {
  const { url, platform } = await withKeys({ appOptions: { maxRequests: 8 } })
  const openGate = closeGate(platform)
  const { socket } = openSocket(url)
  const body = '{"inputs":["good"]}'
  const head = `POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  socket.write((head + body).repeat(6))
  await waitUntil(() => platform.engine.calls.length === 6)
  expect(await listAs(url, 'a')).toBe(429)
  socket.destroy()
  openGate()
  await vi.waitFor(async () => {
    const statuses = await Promise.all(Array.from({ length: 6 }, () => listAs(url, 'a')))
    expect(new Set(statuses)).toEqual(new Set([200]))
  }, WITHIN)
})

test('bodies that have not arrived completely leave memory for the bodies of others', async () => {
  const { url } = await withKeys({ appOptions: { maxBodyBytes: 4000 } })
  const head = (secret: string) =>
    `POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${secret}\r\ncontent-type: application/json\r\ncontent-length: 2000\r\n\r\n`
  let unfinished: ReturnType<typeof openSocket>[] = []
  await vi.waitFor(async () => {
    // A body is refused if it arrives while the request below is being answered, so all of them begin again.
    for (const { socket } of unfinished) socket.destroy()
    unfinished = [openSocket(url), openSocket(url)]
    for (const { socket } of unfinished) socket.write(head('a') + ' '.repeat(1400))
    await setTimeout(100)
    const refused = await post(url, { inputs: ['good'.repeat(100)] }, bearer('a'))
    expect(await readProblem(refused)).toMatchObject({ code: 'overloaded', subject: 'the key' })
  }, WITHIN)
  expect((await post(url, { inputs: ['good'.repeat(100)] }, bearer('b'))).status).toBe(200)
  for (const { socket } of unfinished) socket.destroy()
  await vi.waitFor(async () => expect((await post(url, { inputs: ['good'] }, bearer('a'))).status).toBe(200), WITHIN)
})

test('texts of one key leave room in the queue for those of others', async () => {
  const { url, platform } = await withKeys()
  const openGate = closeGate(platform)
  const inputs = Array.from({ length: 256 }, () => 'good')
  const accepted = Math.floor((0.75 * platform.engine.queue.capacity) / inputs.length)
  const greedy = Array.from({ length: accepted }, () => post(url, { inputs }, bearer('a')))
  await waitUntil(() => platform.engine.calls.length === accepted)
  const refused = await post(url, { inputs }, bearer('a'))
  expect(await readProblem(refused)).toMatchObject({
    code: 'overloaded',
    subject: 'the key',
    problem: expect.stringContaining('texts in progress'),
  })
  const other = post(url, { inputs }, bearer('b'))
  openGate()
  expect((await other).status).toBe(200)
  for (const { status } of await Promise.all(greedy)) expect(status).toBe(200)
})
