import { expect, test } from 'vitest'
import { catalogue } from '../../core/catalogue.ts'
import { adapterList } from '../../platform/schemas/adapters.ts'
import { health } from '../../platform/schemas/health.ts'
import { parameterCount } from '../../platform/schemas/parameters.ts'
import { dial, problemFrom, start } from './start.ts'

test('GET /v1/adapters lists what is served, and each alone', async () => {
  const { url } = await start({ adapters: ['imdb', 'my films'] })
  const list = adapterList.parse(await (await fetch(`${url}/v1/adapters`)).json())
  expect(list.data.map(({ id }) => id)).toEqual(['imdb', 'my films'])
  expect(await (await fetch(`${url}/v1/adapters/my%20films`)).json()).toEqual(list.data[1])
  const unknown = await fetch(`${url}/v1/adapters/yelp`)
  expect(await problemFrom(unknown)).toMatchObject({ code: 'adapter_unknown', status: 404, found: '"yelp"' })
  expect((await fetch(`${url}/v1/adapters/%E0%A4%A`)).status).toBe(404)
})

test('GET /v1/parameters counts a method on a base, or a served adapter', async () => {
  const { url } = await start()
  const count = async (query: string) =>
    parameterCount.parse(await (await fetch(`${url}/v1/parameters?${query}`)).json())
  expect(await count('method=lora&rank=8&targets=q,v')).toMatchObject({ trainable: 294_912 })
  expect(await count('method=lora&targets=q&targets=v&rslora=true')).toMatchObject({ trainable: 294_912 })
  expect(await count('base=embedded&method=full')).toMatchObject({ added: 0, percent: 100 })
  expect(await count('adapter=imdb')).toMatchObject({ trainable: 294_912, total: 60_801_536 })
})

test.each([
  ['', 'method_invalid', { expected: 'one of lora, bottleneck, soft-prompt, full' }],
  ['method=constructor', 'method_invalid', {}],
  ['method=lora&rnak=8', 'method_invalid', { subject: 'lora, rnak', expected: 'only rank, alpha, targets, rslora' }],
  ['method=lora&rank=eight', 'method_invalid', { subject: 'lora, rank', found: '"eight"' }],
  ['method=lora&rank=-1', 'method_invalid', { subject: 'lora, rank', found: '-1' }],
  ['method=lora&rank=8&rank=9', 'method_invalid', { subject: 'lora, rank' }],
  ['method=lora&method=full', 'body_invalid', { subject: 'method', found: 'a list of 2' }],
  ['method=lora&base=t5-large', 'base_unknown', { expected: 'one of t5-small, embedded', found: '"t5-large"' }],
  ['method=lora&constructor=1', 'method_invalid', { subject: 'lora, constructor' }],
  ['adapter=imdb&rank=8', 'body_invalid', { subject: 'rank', expected: 'adapter alone' }],
  ['adapter=yelp', 'adapter_unknown', { found: '"yelp"' }],
] as const)('GET /v1/parameters?%s is refused with what is allowed', async (query, code, more) => {
  const { url } = await start()
  const problem = await problemFrom(await fetch(`${url}/v1/parameters?${query}`))
  expect(problem).toMatchObject({ code, status: catalogue[code].status, ...more })
})

test('GET /healthz tells the version and for how long the server has been up', async () => {
  const { url } = await start()
  const answer = health.parse(await (await fetch(`${url}/healthz`)).json())
  expect(answer).toMatchObject({ status: 'ok', version: '1.2.3' })
  expect(answer.uptime_seconds).toBeLessThan(60)
})

test("the address in a problem's type explains the code", async () => {
  const { url } = await start()
  const { type } = await problemFrom(await fetch(`${url}/v2`))
  const target = new URL(String(type), url)
  const page = await (await fetch(target)).text()
  expect(page).toContain(`id="${target.hash.slice(1)}"`)
})

test('an address that does not exist is a problem, in every method', async () => {
  const { url } = await start()
  for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS'])
    for (const path of ['/', '/v1/predictions/', '/v1/nothing', '/%00', '//', '/v1/adapters/a/b'])
      expect(await problemFrom(await fetch(url + path, { method }))).toMatchObject({ code: 'not_found', status: 404 })
})

test.each([
  ['GET', '/v1/predictions', 'POST, OPTIONS'],
  ['PUT', '/v1/predictions', 'POST, OPTIONS'],
  ['POST', '/v1/adapters', 'GET, HEAD, OPTIONS'],
  ['DELETE', '/v1/adapters/imdb', 'GET, HEAD, OPTIONS'],
  ['PATCH', '/healthz', 'GET, HEAD, OPTIONS'],
])('%s %s is refused with the methods that are allowed', async (method, path, allow) => {
  const { url } = await start()
  const response = await fetch(url + path, { method })
  expect(response.headers.get('allow')).toBe(allow)
  expect(await problemFrom(response)).toMatchObject({ code: 'method_not_allowed', expected: allow, found: method })
})

test('HEAD answers as GET, without a body', async () => {
  const { url } = await start()
  const found = await fetch(`${url}/v1/adapters`, { method: 'HEAD' })
  expect([found.status, found.headers.get('content-type'), await found.text()]).toEqual([200, 'application/json', ''])
  expect((await fetch(`${url}/v1/adapters/yelp`, { method: 'HEAD' })).status).toBe(404)
  expect((await fetch(`${url}/v1/predictions`, { method: 'HEAD' })).status).toBe(405)
})

test('OPTIONS tells what an address takes, and lets no other origin in', async () => {
  const { url } = await start()
  const response = await fetch(`${url}/v1/predictions`, { method: 'OPTIONS' })
  expect(response.status).toBe(204)
  expect(response.headers.get('allow')).toBe('POST, OPTIONS')
  expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
})

test('a request keeps its id, or is given one, whatever becomes of it', async () => {
  const { url } = await start()
  const idOf = async (path: string, id?: string) =>
    (await fetch(url + path, { headers: id === undefined ? {} : { 'x-request-id': id } })).headers.get('x-request-id')
  for (const path of ['/healthz', '/nothing', '/v1/predictions']) {
    expect(await idOf(path, 'abc-123')).toBe('abc-123')
    expect(await idOf(path)).toMatch(/^[\da-f-]{36}$/)
  }
  expect(await idOf('/healthz', 'x'.repeat(129))).toMatch(/^[\da-f-]{36}$/)
  expect(await idOf('/healthz', '<script>')).toMatch(/^[\da-f-]{36}$/)
})

test.each([
  ['no HTTP at all', 'hello\r\n\r\n', 'request_malformed'],
  ['an address that is none', 'GET \\\\x HTTP/1.1\r\nhost: localhost\r\n\r\n', 'request_malformed'],
  ['headers of 20 kB', `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 'headers_too_large'],
  [
    'a length that is no number',
    'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n',
    'request_malformed',
  ],
] as const)('%s is answered with a problem', async (_, text, code) => {
  const { url } = await start()
  const { socket, all, seen } = dial(url)
  socket.write(text)
  await seen(code)
  socket.end()
  expect(await all).toMatch(new RegExp(`^HTTP/1.1 ${catalogue[code].status} .*application/problem\\+json`, 's'))
})

test('a connection that never sends its headers is closed', async () => {
  const { url } = await start({ headerSeconds: 0.2 })
  const { socket, all } = dial(url)
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n')
  expect(await all).toMatch(/^HTTP\/1.1 408 .*request_timeout/s)
})

test.each(['TRACE', 'FOO', 'PROPFIND'])('the method %s harms nobody', async (verb) => {
  const { url, platform } = await start()
  const { socket, all } = dial(url)
  socket.write(`${verb} /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
  expect(await all).toMatch(/^HTTP\/1.1 (?:405|400) /)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect(platform.reports).toEqual([])
})

test('OPTIONS * is answered', async () => {
  const { url, platform } = await start()
  const { socket, all } = dial(url)
  socket.write('OPTIONS * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  expect(await all).toMatch(/^HTTP\/1.1 [24]\d\d /)
  expect(platform.reports).toEqual([])
})
