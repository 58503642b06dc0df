import { request } from 'node:http'
import { expect, test } from 'vitest'
import { readUpload } from '../../server/read-upload.ts'
import { openSocket, post, readProblem, start, waitUntil } from './start.ts'
import { withFiles } from './with-files.ts'

test('a caller above the rate limit is rejected with the time to wait, and other callers are not affected', async () => {
  const access = {
    hasKeys: async () => true,
    verify: async (secret: string) => ({ owner: secret, scopes: ['predict' as const] }),
  }
  const { url } = await start({ access, appOptions: { rateLimit: { requests: 2, seconds: 30 } } })
  const send = (secret: string) => post(url, { inputs: ['good'] }, { headers: { authorization: `Bearer ${secret}` } })
  expect([(await send('a')).status, (await send('a')).status]).toEqual([200, 200])
  const rejected = await send('a')
  expect(Number(rejected.headers.get('retry-after'))).toBeGreaterThan(25)
  expect(await readProblem(rejected)).toMatchObject({ code: 'rate_limited', status: 429, subject: 'the key' })
  expect((await send('b')).status).toBe(200)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})

test('without keys, a configured rate limits each address until its window has passed', async () => {
  const { url } = await start({ appOptions: { rateLimit: { requests: 1, seconds: 1 } } })
  expect((await post(url, { inputs: ['good'] })).status).toBe(200)
  expect(await readProblem(await post(url, { inputs: ['good'] }))).toMatchObject({ subject: 'the address' })
  await new Promise((resolve) => setTimeout(resolve, 1100))
  expect((await post(url, { inputs: ['good'] })).status).toBe(200)
})

test('requests above the concurrency limit are rejected at once, and accepted again when others have finished', async () => {
  const { url, platform } = await start({ appOptions: { maxRequests: 2 } })
  const { promise, resolve } = Promise.withResolvers<void>()
  platform.engine.gate = promise
  const accepted = [post(url, { inputs: ['good'] }), post(url, { inputs: ['good'] })]
  await waitUntil(() => platform.engine.calls.length === 2)
  const rejected = await fetch(`${url}/v1/adapters`)
  expect(rejected.headers.get('retry-after')).toBe('1')
  expect(await readProblem(rejected)).toMatchObject({ code: 'overloaded', status: 429, subject: 'the server' })
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  resolve()
  for (const { status } of await Promise.all(accepted)) expect(status).toBe(200)
  expect((await fetch(`${url}/v1/adapters`)).status).toBe(200)
})

const uploadDataset = (url: string, body: string | ReadableStream, type = 'application/jsonl', name = 'films') =>
  fetch(`${url}/v1/datasets?name=${name}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
    duplex: 'half',
  } as RequestInit)

const LINES = '{"text": "a good film", "label": "positive"}\n{"text": "a bad film", "label": "negative"}\n'

test('a data set can be uploaded once under a name and fetched', async () => {
  const { url } = await start({ platformParts: await withFiles() })
  const created = await uploadDataset(url, LINES, 'application/jsonl', 'two-films')
  const dataset = (await created.json()) as { id: string }
  expect(created.status).toBe(201)
  expect(created.headers.get('location')).toBe(`/v1/datasets/${dataset.id}`)
  expect(dataset).toMatchObject({ name: 'two-films', rows: 2, labels: { positive: 1, negative: 1 } })
  expect(await (await fetch(`${url}/v1/datasets/two-films`)).json()).toEqual(dataset)
  const taken = await uploadDataset(url, LINES, 'application/jsonl', 'two-films')
  expect(await readProblem(taken)).toMatchObject({ code: 'name_taken', status: 409 })
})

test.each([
  ['text/plain', {}, 'body_type_unsupported'],
  ['application/jsonl', { 'content-encoding': 'gzip' }, 'body_type_unsupported'],
] as const)('an upload of type %s with %o is rejected', async (type, more, code) => {
  const { url } = await start()
  const headers = { 'content-type': type, ...more }
  const response = await fetch(`${url}/v1/datasets?name=films`, { method: 'POST', headers, body: LINES })
  expect(await readProblem(response)).toMatchObject({ code, status: 415 })
})

test('an upload requires a name that is valid in a URL', async () => {
  const { url } = await start()
  for (const name of ['', 'a/b', '../x', '00000000-0000-0000-0000-000000000000'])
    expect(
      await readProblem(await uploadDataset(url, LINES, 'application/jsonl', encodeURIComponent(name))),
    ).toMatchObject({
      code: 'body_invalid',
      subject: 'name',
    })
})

test('an upload above the size limit is rejected while it arrives, and nothing is stored', async () => {
  const { url } = await start({
    platformParts: await withFiles(),
    appOptions: { bodyLimits: { dataset: { bytes: 100_000 } } },
  })
  for (const body of [LINES.repeat(5000), new Blob([LINES.repeat(5000)]).stream()])
    expect(await readProblem(await uploadDataset(url, body))).toMatchObject({
      code: 'body_too_large',
      expected: 'at most 100000 bytes',
      found: typeof body === 'string' ? `${5000 * LINES.length} bytes` : 'more',
    })
  expect((await (await fetch(`${url}/v1/datasets`)).json()) as { data: unknown[] }).toMatchObject({
    data: expect.not.arrayContaining([expect.objectContaining({ name: 'films' })]),
  })
})

/** Sends a body of undeclared length without end, and resolves with the response. */
function sendEndlessly(url: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sending = request(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/x-tar' } })
    const piece = Buffer.alloc(65_536)
    const timer = setInterval(() => sending.write(piece), 1)
    sending.on('response', async (response) => {
      const body = (await response.toArray()).join('')
      clearInterval(timer)
      sending.destroy()
      resolve({ status: response.statusCode ?? 0, body })
    })
    sending.on('error', reject)
  })
}

test('a client that keeps sending receives the error of its upload', async () => {
  const { url } = await start({
    platformParts: await withFiles(),
    appOptions: { bodyLimits: { adapter: { bytes: 3_000_000 } } },
  })
  const taken = await sendEndlessly(url, '/v1/adapters?name=imdb')
  expect(taken).toMatchObject({ status: 409, body: expect.stringContaining('name_taken') })
  const unnamed = await sendEndlessly(url, '/v1/adapters')
  expect(unnamed).toMatchObject({ status: 422, body: expect.stringContaining('body_invalid') })
})

test('an upload that stops arriving is rejected, and one that arrives slowly is not', async () => {
  const countPieces = async (pauses: number[]) => {
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const pause = pauses.shift()
        if (pause === undefined) return controller.close()
        await new Promise((resolve) => setTimeout(resolve, pause))
        controller.enqueue(Buffer.from('piece'))
      },
    })
    const request = new Request('http://localhost', { method: 'POST', body: stream, duplex: 'half' } as RequestInit)
    const pieces = []
    for await (const piece of readUpload(request, [], { bytes: 100, seconds: 0.2 })) pieces.push(piece)
    return pieces.length
  }
  expect(await countPieces([100, 100, 100, 100])).toBe(4)
  await expect(countPieces([10, 400])).rejects.toMatchObject({
    code: 'request_timeout',
    detail: { problem: 'stopped arriving for 0.2 seconds after 5 bytes' },
  })
})

test('an upload that stops halfway is rejected over a real connection', async () => {
  const { url } = await start({
    platformParts: await withFiles(),
    appOptions: { bodyLimits: { dataset: { seconds: 0.2 } } },
  })
  const { socket, received } = openSocket(url)
  socket.write(
    'POST /v1/datasets?name=slow HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/csv\r\ncontent-length: 100\r\n\r\ntext,label\n',
  )
  expect(await received).toMatch(/^HTTP\/1.1 408 .*request_timeout/s)
})
