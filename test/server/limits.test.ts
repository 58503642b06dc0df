import { request } from 'node:http'
import { expect, test } from 'vitest'
import { readUpload } from '../../server/read-upload.ts'
import { dial, post, problemFrom, start, until } from './start.ts'
import { withFiles } from './with-files.ts'

test('a caller that asks too often is told when to come again, and others are not affected', async () => {
  const access = {
    hasKeys: async () => true,
    verify: async (secret: string) => ({ owner: secret, scopes: ['predict' as const] }),
  }
  const { url } = await start({ access, app: { rate: { requests: 2, seconds: 30 } } })
  const ask = (secret: string) => post(url, { inputs: ['good'] }, { headers: { authorization: `Bearer ${secret}` } })
  expect([(await ask('a')).status, (await ask('a')).status]).toEqual([200, 200])
  const refused = await ask('a')
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(25)
  expect(await problemFrom(refused)).toMatchObject({ code: 'rate_limited', status: 429, subject: 'the key' })
  expect((await ask('b')).status).toBe(200)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})

test('without keys an address is limited where a rate is given, and the window passes', async () => {
  const { url } = await start({ app: { rate: { requests: 1, seconds: 1 } } })
  expect((await post(url, { inputs: ['good'] })).status).toBe(200)
  expect(await problemFrom(await post(url, { inputs: ['good'] }))).toMatchObject({ subject: 'the address' })
  await new Promise((resolve) => setTimeout(resolve, 1100))
  expect((await post(url, { inputs: ['good'] })).status).toBe(200)
})

test('past their bound requests are refused at once, and taken again when others are answered', async () => {
  const { url, platform } = await start({ app: { requests: 2 } })
  const { promise, resolve } = Promise.withResolvers<void>()
  platform.engine.gate = promise
  const taken = [post(url, { inputs: ['good'] }), post(url, { inputs: ['good'] })]
  await until(() => platform.engine.calls.length === 2)
  const refused = await fetch(`${url}/v1/adapters`)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await problemFrom(refused)).toMatchObject({ code: 'overloaded', status: 429, subject: 'the server' })
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  resolve()
  for (const { status } of await Promise.all(taken)) expect(status).toBe(200)
  expect((await fetch(`${url}/v1/adapters`)).status).toBe(200)
})

const upload = (url: string, body: string | ReadableStream, type = 'application/jsonl', name = 'films') =>
  fetch(`${url}/v1/datasets?name=${name}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
    duplex: 'half',
  } as RequestInit)

const LINES = '{"text": "a good film", "label": "positive"}\n{"text": "a bad film", "label": "negative"}\n'

test('a data set is uploaded and listed', async () => {
  const { url } = await start({ more: await withFiles() })
  const made = await upload(url, LINES, 'application/jsonl', 'two-films')
  const dataset = (await made.json()) as { id: string }
  expect(made.status).toBe(201)
  expect(made.headers.get('location')).toBe(`/v1/datasets/${dataset.id}`)
  expect(dataset).toMatchObject({ name: 'two-films', rows: 2, labels: { positive: 1, negative: 1 } })
  expect(await (await fetch(`${url}/v1/datasets/two-films`)).json()).toEqual(dataset)
  const taken = await upload(url, LINES, 'application/jsonl', 'two-films')
  expect(await problemFrom(taken)).toMatchObject({ code: 'name_taken', status: 409 })
})

test.each([
  ['text/plain', {}, 'body_type_unsupported'],
  ['application/jsonl', { 'content-encoding': 'gzip' }, 'body_type_unsupported'],
] as const)('an upload of type %s with %o is refused', async (type, more, code) => {
  const { url } = await start()
  const headers = { 'content-type': type, ...more }
  const response = await fetch(`${url}/v1/datasets?name=films`, { method: 'POST', headers, body: LINES })
  expect(await problemFrom(response)).toMatchObject({ code, status: 415 })
})

test('an upload needs a name that is fit for an address', async () => {
  const { url } = await start()
  for (const name of ['', 'a/b', '../x', '00000000-0000-0000-0000-000000000000'])
    expect(await problemFrom(await upload(url, LINES, 'application/jsonl', encodeURIComponent(name)))).toMatchObject({
      code: 'body_invalid',
      subject: 'name',
    })
})

test('an upload that is larger than allowed is refused as it comes, and nothing is kept', async () => {
  const { url } = await start({ more: await withFiles(), app: { limits: { dataset: { bytes: 100_000 } } } })
  for (const body of [LINES.repeat(5000), new Blob([LINES.repeat(5000)]).stream()])
    expect(await problemFrom(await upload(url, body))).toMatchObject({
      code: 'body_too_large',
      expected: 'at most 100000 bytes',
      found: typeof body === 'string' ? `${5000 * LINES.length} bytes` : 'more',
    })
  expect((await (await fetch(`${url}/v1/datasets`)).json()) as { data: unknown[] }).toMatchObject({
    data: expect.not.arrayContaining([expect.objectContaining({ name: 'films' })]),
  })
})

/** Sends a body of which nothing tells how long it is; resolves with what the server says, though it goes on sending. */
function sendEndlessly(url: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/x-tar' } })
    const piece = Buffer.alloc(65_536)
    const timer = setInterval(() => asked.write(piece), 1)
    asked.on('response', async (response) => {
      const body = (await response.toArray()).join('')
      clearInterval(timer)
      asked.destroy()
      resolve({ status: response.statusCode ?? 0, body })
    })
    asked.on('error', reject)
  })
}

test('a client that goes on sending reads why its upload was refused', async () => {
  const { url } = await start({ more: await withFiles(), app: { limits: { adapter: { bytes: 3_000_000 } } } })
  const taken = await sendEndlessly(url, '/v1/adapters?name=imdb')
  expect(taken).toMatchObject({ status: 409, body: expect.stringContaining('name_taken') })
  const unnamed = await sendEndlessly(url, '/v1/adapters')
  expect(unnamed).toMatchObject({ status: 422, body: expect.stringContaining('body_invalid') })
})

test('an upload of which nothing comes any more is refused; one that comes slowly is not', async () => {
  const slow = async (pauses: number[]) => {
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const pause = pauses.shift()
        if (pause === undefined) return controller.close()
        await new Promise((resolve) => setTimeout(resolve, pause))
        controller.enqueue(Buffer.from('piece'))
      },
    })
    const asked = new Request('http://localhost', { method: 'POST', body: stream, duplex: 'half' } as RequestInit)
    const pieces = []
    for await (const piece of readUpload(asked, [], { bytes: 100, seconds: 0.2 })) pieces.push(piece)
    return pieces.length
  }
  expect(await slow([100, 100, 100, 100])).toBe(4)
  await expect(slow([10, 400])).rejects.toMatchObject({ code: 'request_timeout', detail: { found: '5 bytes by then' } })
})

test('an upload that stops halfway is refused over the wire, too', async () => {
  const { url } = await start({ more: await withFiles(), app: { limits: { dataset: { seconds: 0.2 } } } })
  const { socket, all } = dial(url)
  socket.write(
    'POST /v1/datasets?name=slow HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/csv\r\ncontent-length: 100\r\n\r\ntext,label\n',
  )
  expect(await all).toMatch(/^HTTP\/1.1 408 .*request_timeout/s)
})
