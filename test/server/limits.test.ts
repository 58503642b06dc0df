import { request } from 'node:http'
import { expect, test } from 'vitest'
import { parseJson, readJsonBytes } from '../../server/read-json.ts'
import { readUpload, type UploadLimits } from '../../server/read-upload.ts'
import { openSocket, post, readProblem, start } from './start.ts'
import { withFiles } from './with-files.ts'

const readAndParse = async (...request: Parameters<typeof readJsonBytes>) => parseJson(await readJsonBytes(...request))

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

const uploadDataset = (url: string, body: string | ReadableStream, type = 'application/jsonl', name = 'films') =>
  fetch(`${url}/v1/datasets?name=${name}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
    duplex: 'half',
  } as RequestInit)

const LINES = '{"text": "a good film", "label": "positive"}\n{"text": "a bad film", "label": "negative"}\n'

test('a data set can be uploaded under a name and fetched, and a repetition with the same bytes succeeds', async () => {
  const { url } = await start({ platformParts: await withFiles() })
  const created = await uploadDataset(url, LINES, 'application/jsonl', 'two-films')
  const dataset = (await created.json()) as { id: string }
  expect(created.status).toBe(201)
  expect(created.headers.get('location')).toBe(`/v1/datasets/${dataset.id}`)
  expect(dataset).toMatchObject({ name: 'two-films', rows: 2, labels: { positive: 1, negative: 1 } })
  expect(await (await fetch(`${url}/v1/datasets/two-films`)).json()).toEqual(dataset)
  const again = await uploadDataset(url, LINES, 'application/jsonl', 'two-films')
  expect([again.status, await again.json()]).toEqual([201, dataset])
  for (const lines of [LINES.replace('good', 'fine'), LINES + LINES, 'not even data']) {
    const taken = await uploadDataset(url, lines, 'application/jsonl', 'two-films')
    expect(await readProblem(taken)).toMatchObject({ code: 'name_taken', status: 409 })
  }
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
  const large = await sendEndlessly(url, '/v1/adapters?name=imdb')
  expect(large).toMatchObject({ status: 413, body: expect.stringContaining('body_too_large') })
  const unnamed = await sendEndlessly(url, '/v1/adapters')
  expect(unnamed).toMatchObject({ status: 422, body: expect.stringContaining('body_invalid') })
})

/** Returns a request whose body arrives in these pieces, each after a pause in milliseconds. */
function slowRequest(
  pieces: readonly (readonly [pause: number, bytes: string])[],
  headers: Record<string, string> = {},
): Request {
  const left = [...pieces]
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = left.shift()
      if (next === undefined) return controller.close()
      if (next[0] > 0) await new Promise((resolve) => setTimeout(resolve, next[0]))
      controller.enqueue(Buffer.from(next[1]))
    },
  })
  return new Request('http://localhost', { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
}

async function countPieces(request: Request, limits: UploadLimits): Promise<number> {
  const pieces = []
  for await (const piece of readUpload(request, [], limits)) pieces.push(piece)
  return pieces.length
}

const repeat = <T>(times: number, item: T): T[] => Array.from({ length: times }, () => item)

test('an upload that stops arriving is rejected, and one that arrives slowly is not', async () => {
  const limits = { bytes: 100, seconds: 0.2 }
  expect(await countPieces(slowRequest(repeat(4, [100, 'piece'])), limits)).toBe(4)
  const stopped = slowRequest([
    [10, 'piece'],
    [400, 'piece'],
  ])
  await expect(countPieces(stopped, limits)).rejects.toMatchObject({
    code: 'request_timeout',
    detail: { problem: 'stopped arriving for 0.2 seconds after 5 bytes' },
  })
})

test('the time that the server needs for an upload is not a pause of the client', async () => {
  const request = slowRequest(repeat(3, [0, 'piece']))
  let received = 0
  for await (const piece of readUpload(request, [], { bytes: 100, seconds: 0.1 })) {
    received += piece.length
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  expect(received).toBe(15)
})

test('an upload below the minimum rate is rejected once its grace period is over', async () => {
  const limits = { bytes: 1000, seconds: 10, minRate: { bytesPerSecond: 100, afterSeconds: 0.3 } }
  await expect(countPieces(slowRequest(repeat(10, [100, 'x'])), limits)).rejects.toMatchObject({
    code: 'request_timeout',
    detail: { expected: 'at least 100 bytes per second' },
  })
  expect(await countPieces(slowRequest(repeat(6, [100, 'x'.repeat(20)])), limits)).toBe(6)
  expect(await countPieces(slowRequest(repeat(2, [100, 'x'])), limits)).toBe(2)
})

test('a body in very many tiny chunks is rejected, and one in a few or in chunks of a line is not', async () => {
  const upload = { bytes: 1e6, seconds: 10 }
  const line = '{"text": "good", "label": "positive"}'
  expect(await countPieces(slowRequest(repeat(20_000, [0, line])), upload)).toBe(20_000)
  await expect(countPieces(slowRequest(repeat(20_000, [0, 'x'])), upload)).rejects.toMatchObject({
    code: 'request_malformed',
    detail: { found: 'chunks of 1.0 bytes on average' },
  })
  const json = { 'content-type': 'application/json' }
  expect(await readAndParse(slowRequest([...repeat(500, [0, ' '] as const), [0, '7']], json), upload)).toBe(7)
  const tiny = readAndParse(slowRequest(repeat(2000, [0, '0']), json), upload)
  await expect(tiny).rejects.toMatchObject({ code: 'request_malformed' })
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
