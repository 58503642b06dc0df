import { expect, test } from 'vitest'
import { catalogue } from '../../core/catalogue.ts'
import { adapterList } from '../../platform/schemas/adapters.ts'
import { health } from '../../platform/schemas/health.ts'
import { parameterCount } from '../../platform/schemas/parameters.ts'
import { training, trainingList, trainingPlan } from '../../platform/schemas/trainings.ts'
import { insertAdapter } from '../../platform/store/adapters.ts'
import { adapterRow } from '../platform/fake-platform.ts'
import { openSocket, readProblem, start } from './start.ts'
import { withFiles } from './with-files.ts'

test('adapters are listed in pages, newest first, and each is found by its id or name', async () => {
  const { url } = await start({ adapters: ['imdb', 'yelp', 'my films'] })
  const page = async (query: string) => adapterList.parse(await (await fetch(`${url}/v1/adapters?${query}`)).json())
  const first = await page('limit=2')
  expect(first.data.map(({ name }) => name)).toEqual(['my films', 'yelp'])
  expect((await page(`limit=2&cursor=${first.next_cursor}`)).data.map(({ name }) => name)).toEqual(['imdb'])
  for (const reference of ['my%20films', first.data[0].id])
    expect(await (await fetch(`${url}/v1/adapters/${reference}`)).json()).toEqual(first.data[0])
  const unknown = await fetch(`${url}/v1/adapters/amazon`)
  expect(await readProblem(unknown)).toMatchObject({ code: 'adapter_unknown', status: 404, found: '"amazon"' })
  for (const path of ['/v1/adapters/%E0%A4%A', '/v1/adapters/%00', '/v1/trainings/a%00b/events'])
    expect((await fetch(url + path)).status).toBe(404)
})

test.each(['limit=0', 'limit=101', 'limit=1.5', 'limit=true', 'limit=1&limit=2', 'cursor=x', 'other=1'])(
  'GET /v1/adapters?%s is rejected',
  async (query) => {
    const { url } = await start()
    expect(await readProblem(await fetch(`${url}/v1/adapters?${query}`))).toMatchObject({ code: 'body_invalid' })
  },
)

test('an adapter can be deleted once', async () => {
  const { url } = await start()
  const remove = () => fetch(`${url}/v1/adapters/imdb`, { method: 'DELETE' })
  expect((await remove()).status).toBe(204)
  expect(await readProblem(await remove())).toMatchObject({ code: 'adapter_unknown' })
})

test('the archive of an adapter is downloaded as it was stored, with the name of the adapter', async () => {
  const files = await withFiles()
  const { url, platform } = await start({ platformParts: files })
  const content = Buffer.from('a tar file')
  const { digest: artifact, bytes } = await files.artifacts.put([content])
  await insertAdapter(platform.store.db, { ...adapterRow('крыло', platform.bases[0].id), artifact, bytes })
  const archive = `${url}/v1/adapters/${encodeURIComponent('крыло')}/archive`
  const response = await fetch(archive)
  expect(response.headers.get('content-type')).toBe('application/x-tar')
  expect(response.headers.get('content-length')).toBe('10')
  expect(response.headers.get('etag')).toBe(`"${artifact}"`)
  expect(response.headers.get('content-disposition')).toBe(
    `attachment; filename*=UTF-8''${encodeURIComponent('крыло')}.tar`,
  )
  expect(Buffer.from(await response.arrayBuffer())).toEqual(content)
  const head = await fetch(archive, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '10'])
})

test('a training is launched once per idempotency key, and can be paused, resumed and cancelled', async () => {
  const { url } = await start({ platformParts: await withFiles() })
  const body = '{"text": "good", "label": "positive"}\n{"text": "bad", "label": "negative"}'
  const type = { 'content-type': 'application/jsonl' }
  expect((await fetch(`${url}/v1/datasets?name=launch`, { method: 'POST', headers: type, body })).status).toBe(201)
  const launch = (key: string, more = {}) =>
    fetch(`${url}/v1/trainings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ dataset: 'launch', ...more }),
    })
  const first = await launch('a')
  const launched = training.parse(await first.json())
  expect([first.status, first.headers.get('location')]).toEqual([201, `/v1/trainings/${launched.id}`])
  expect(await (await launch('a')).json()).toEqual(launched)
  expect(await readProblem(await launch('a', { rank: 4 }))).toMatchObject({ code: 'idempotency_conflict', status: 409 })
  expect(await readProblem(await launch('two words'))).toMatchObject({
    code: 'body_invalid',
    subject: 'idempotency-key',
  })
  const act = async (name: string) => fetch(`${url}/v1/trainings/${launched.id}/${name}`, { method: 'POST' })
  for (const [name, status] of [
    ['pause', 'paused'],
    ['resume', 'queued'],
    ['cancel', 'cancelled'],
  ])
    expect(await (await act(name)).json()).toMatchObject({ status })
  expect(await readProblem(await act('pause'))).toMatchObject({ code: 'training_status_conflict', status: 409 })
  const list = trainingList.parse(await (await fetch(`${url}/v1/trainings?status=cancelled`)).json())
  expect(list.data.map(({ id }) => id)).toEqual([launched.id])
})

test('a dry run returns a plan and starts nothing', async () => {
  const { url } = await start({ platformParts: await withFiles() })
  const lines = Array.from(
    { length: 8 },
    (_, i) => `{"text": "film ${i}", "label": "${i % 2 ? 'positive' : 'negative'}"}`,
  )
  const upload = { method: 'POST', headers: { 'content-type': 'application/jsonl' }, body: lines.join('\n') }
  expect((await fetch(`${url}/v1/datasets?name=planned`, upload)).status).toBe(201)
  const response = await fetch(`${url}/v1/trainings?dry_run=true`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ dataset: 'planned' }),
  })
  expect(trainingPlan.parse(await response.json()).plan).toMatchObject({ method: 'lora', reviews: expect.any(Number) })
  const { data } = trainingList.parse(await (await fetch(`${url}/v1/trainings?status=queued`)).json())
  expect(data).toEqual([])
})

test('GET /v1/parameters counts those of a method on a base, or of an adapter', async () => {
  const { url } = await start()
  const count = async (query: string) =>
    parameterCount.parse(await (await fetch(`${url}/v1/parameters?${query}`)).json())
  expect(await count('base=t5-small&method=lora&rank=8&targets=q,v')).toMatchObject({ trainable: 294_912 })
  expect(await count('base=t5-small&method=lora&targets=q&targets=v&rslora=true')).toMatchObject({ trainable: 294_912 })
  expect(await count('base=embedded&method=full')).toMatchObject({ added: 0, percent: 100 })
  expect(await count('adapter=imdb')).toMatchObject({ trainable: 294_912, total: 60_801_536 })
})

test.each([
  ['', 'method_invalid', { expected: 'one of lora, bottleneck, soft-prompt, ia3, prefix, full' }],
  ['method=constructor', 'method_invalid', {}],
  [
    'method=lora&rnak=8',
    'method_invalid',
    { subject: 'lora, rnak', expected: 'only rank, alpha, ranks, alphas, targets, dora, rslora' },
  ],
  ['method=lora&rank=eight', 'method_invalid', { subject: 'lora, rank', found: '"eight"' }],
  ['method=lora&rank=-1', 'method_invalid', { subject: 'lora, rank', found: 'the number -1' }],
  ['method=lora&rank=8&rank=9', 'method_invalid', { subject: 'lora, rank' }],
  ['method=lora&method=full', 'body_invalid', { subject: 'method', found: 'a list of 2' }],
  ['method=lora&base=t5-large', 'base_unknown', { subject: 'base', found: '"t5-large"' }],
  ['method=lora&constructor=1', 'method_invalid', { subject: 'lora, constructor' }],
  ['adapter=imdb&rank=8', 'body_invalid', { subject: 'rank', expected: 'no other field besides adapter' }],
  ['adapter=yelp', 'adapter_unknown', { found: '"yelp"' }],
] as const)('GET /v1/parameters?%s is rejected with what is allowed', async (query, code, more) => {
  const { url } = await start()
  const problem = await readProblem(await fetch(`${url}/v1/parameters?${query}`))
  expect(problem).toMatchObject({ code, status: catalogue[code].status, ...more })
})

test('GET /healthz returns the version and the uptime', async () => {
  const { url } = await start()
  const answer = health.parse(await (await fetch(`${url}/healthz`)).json())
  expect(answer).toMatchObject({ status: 'ok', version: '1.2.3' })
  expect(answer.uptime_seconds).toBeLessThan(60)
})

test('the type of a problem links to the explanation of its code', async () => {
  const { url } = await start()
  const { type } = await readProblem(await fetch(`${url}/v2`))
  const target = new URL(String(type), url)
  const page = await (await fetch(target)).text()
  expect(page).toContain(`id="${target.hash.slice(1)}"`)
})

test('a browser at the address of the server is led to the reference', async () => {
  const { url } = await start()
  const { status, headers } = await fetch(url, { redirect: 'manual' })
  expect([status, headers.get('location')]).toEqual([302, '/docs'])
  expect(await (await fetch(url)).text()).toContain('<title>')
})

test('a path that does not exist is a problem with every method', async () => {
  const { url } = await start()
  for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS'])
    for (const path of ['/nothing', '/v1/predictions/', '/v1/nothing', '/%00', '//', '/v1/adapters/a/b'])
      expect(await readProblem(await fetch(url + path, { method }))).toMatchObject({ code: 'not_found', status: 404 })
})

test.each([
  ['GET', '/v1/predictions', 'POST, OPTIONS'],
  ['PUT', '/v1/predictions', 'POST, OPTIONS'],
  ['PUT', '/v1/adapters', 'GET, HEAD, POST, OPTIONS'],
  ['PATCH', '/v1/adapters/imdb', 'GET, HEAD, DELETE, OPTIONS'],
  ['PATCH', '/healthz', 'GET, HEAD, OPTIONS'],
])('%s %s is rejected with the methods that are allowed', async (method, path, allow) => {
  const { url } = await start()
  const response = await fetch(url + path, { method })
  expect(response.headers.get('allow')).toBe(allow)
  expect(await readProblem(response)).toMatchObject({ code: 'method_not_allowed', expected: allow, found: method })
})

test('HEAD responds as GET does, without a body', async () => {
  const { url } = await start()
  const found = await fetch(`${url}/v1/adapters`, { method: 'HEAD' })
  expect([found.status, found.headers.get('content-type'), await found.text()]).toEqual([200, 'application/json', ''])
  expect((await fetch(`${url}/v1/adapters/yelp`, { method: 'HEAD' })).status).toBe(404)
  expect((await fetch(`${url}/v1/predictions`, { method: 'HEAD' })).status).toBe(405)
})

test('OPTIONS returns the methods of a path, and allows no other origin', async () => {
  const { url } = await start()
  const response = await fetch(`${url}/v1/predictions`, { method: 'OPTIONS' })
  expect(response.status).toBe(204)
  expect(response.headers.get('allow')).toBe('POST, OPTIONS')
  expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
})

test('every response has an id of its own, whatever id the client sends', async () => {
  const { url } = await start()
  const idOf = async (path: string, id?: string) =>
    (await fetch(url + path, { headers: id === undefined ? {} : { 'x-request-id': id } })).headers.get('x-request-id')
  for (const path of ['/healthz', '/nothing', '/v1/predictions'])
    for (const id of [undefined, 'abc-123', '<script>']) expect(await idOf(path, id)).toMatch(/^[\da-f-]{36}$/)
})

test.each([
  ['a request that is not HTTP', 'hello\r\n\r\n', 'request_malformed'],
  ['an invalid URL', 'GET \\\\x HTTP/1.1\r\nhost: localhost\r\n\r\n', 'request_malformed'],
  ['headers of 20 kB', `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 'headers_too_large'],
  [
    'a length that is not a number',
    'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n',
    'request_malformed',
  ],
] as const)('%s is answered with a problem', async (_, text, code) => {
  const { url } = await start()
  const { socket, received, waitFor } = openSocket(url)
  socket.write(text)
  await waitFor(code)
  socket.end()
  expect(await received).toMatch(new RegExp(`^HTTP/1.1 ${catalogue[code].status} .*application/problem\\+json`, 's'))
})

test('a connection that does not finish its headers is closed', async () => {
  const { url } = await start({ headerSeconds: 0.2 })
  const { socket, received } = openSocket(url)
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n')
  expect(await received).toMatch(/^HTTP\/1.1 408 .*request_timeout/s)
})

test.each(['TRACE', 'FOO', 'PROPFIND'])('the method %s is rejected without harm', async (verb) => {
  const { url, platform } = await start()
  const { socket, received } = openSocket(url)
  socket.write(`${verb} /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
  expect(await received).toMatch(/^HTTP\/1.1 (?:405|400) /)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect(platform.logged).toEqual([])
})

test('OPTIONS * receives a response', async () => {
  const { url, platform } = await start()
  const { socket, received } = openSocket(url)
  socket.write('OPTIONS * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  expect(await received).toMatch(/^HTTP\/1.1 [24]\d\d /)
  expect(platform.logged).toEqual([])
})
