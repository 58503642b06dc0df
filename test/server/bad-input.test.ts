import { expect, test } from 'vitest'
import { catalogue } from '../../core/catalogue.ts'
import { openSocket, post, readProblem, start } from './start.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)

const invalidBodies: [
  description: string,
  body: unknown,
  code: keyof typeof catalogue,
  problem: Record<string, unknown>,
][] = [
  ['an empty body', '', 'body_not_json', { found: 'an empty body' }],
  ['a body that is not JSON', '{"inputs": [', 'body_not_json', { expected: 'JSON' }],
  ['two JSON documents', '{} {}', 'body_not_json', {}],
  ['bytes that are not UTF-8', bytes(0x22, 0xff, 0xfe, 0x22), 'body_not_json', { expected: 'UTF-8' }],
  ['deeply nested JSON', '['.repeat(1e6) + ']'.repeat(1e6), 'body_not_json', { found: 'more levels' }],
  ['a list as the body', [], 'body_invalid', { subject: 'the body', found: 'an empty list' }],
  ['null as the body', 'null', 'body_invalid', { subject: 'the body', found: 'null' }],
  ['no inputs', {}, 'body_invalid', { subject: 'inputs', found: 'nothing' }],
  ['an empty list of texts', { inputs: [] }, 'body_invalid', { subject: 'inputs', found: 'an empty list' }],
  ['a text instead of a list', { inputs: 'good' }, 'body_invalid', { subject: 'inputs', found: '"good"' }],
  ['a number as a text', { inputs: ['a', 7] }, 'body_invalid', { subject: 'inputs[1]', found: 'the number 7' }],
  ['null as a text', { inputs: [null] }, 'body_invalid', { subject: 'inputs[0]', found: 'null' }],
  ['a list as a text', { inputs: [['a']] }, 'body_invalid', { subject: 'inputs[0]', found: 'a list of 1' }],
  ['257 texts', { inputs: Array(257).fill('a') }, 'body_invalid', { found: 'a list of 257' }],
  ['a list of a million numbers', `{"inputs":[${'1,'.repeat(1e6)}1]}`, 'body_invalid', { found: 'a list of 1000001' }],
  ['a number as the adapter', { inputs: ['a'], adapter: 1 }, 'body_invalid', { subject: 'adapter' }],
  ['an adapter with U+0000', { inputs: ['a'], adapter: 'a\0' }, 'body_invalid', { subject: 'adapter' }],
  ['an empty list of adapters', { inputs: ['a'], adapters: [] }, 'body_invalid', { subject: 'adapters' }],
  ['an unknown field', { inputs: ['a'], adaptor: 'b' }, 'body_invalid', { found: 'the field "adaptor"' }],
  ['a field called __proto__', '{"inputs":["a"],"__proto__":{"adapter":"b"}}', 'body_invalid', {}],
  ['an unknown adapter', { inputs: ['a'], adapter: 'b' }, 'adapter_unknown', { expected: 'imdb', found: '"b"' }],
]

test.each(invalidBodies)(
  '%s is rejected with what was expected, what was found and how to fix it',
  async (_, body, code, more) => {
    const { url, platform } = await start()
    const problem = await readProblem(await post(url, body))
    expect(problem).toMatchObject({ code, status: catalogue[code].status, type: `/docs/errors#${code}`, ...more })
    expect(problem.fix).toBeTruthy()
    expect(JSON.stringify(problem).length).toBeLessThan(1000)
    expect(platform.engine.calls).toEqual([])
    expect(platform.logged).toEqual([])
  },
)

test('hostile bodies are rejected before they delay other requests', async () => {
  const { url } = await start()
  for (const [, body] of invalidBodies.filter(([description]) => /deeply|million/.test(description))) {
    const started = performance.now()
    await post(url, body)
    expect(performance.now() - started).toBeLessThan(5000)
  }
})

test('brackets inside a text do not count as nesting', async () => {
  const { url } = await start()
  expect((await post(url, { inputs: [`good \\" ${'['.repeat(1000)}\\`] })).status).toBe(200)
})

test('a byte order mark before the JSON is ignored', async () => {
  const { url } = await start()
  expect((await post(url, '\ufeff{"inputs":["good"]}')).status).toBe(200)
})

test.each([
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json; charset=latin1',
  'application/jsonx',
])('a body of type %s is rejected', async (type) => {
  const { url } = await start()
  const response = await post(url, { inputs: ['a'] }, { headers: { 'content-type': type } })
  expect(await readProblem(response)).toMatchObject({ code: 'body_type_unsupported', status: 415, found: type })
})

test.each(['application/json', 'Application/JSON; Charset="UTF-8"', 'application/vnd.api+json'])(
  'a body of type %s is accepted',
  async (type) => {
    const { url } = await start()
    expect((await post(url, { inputs: ['a'] }, { headers: { 'content-type': type } })).status).toBe(200)
  },
)

test('a body that has no content type or is compressed is rejected', async () => {
  const { url } = await start()
  const untyped = await fetch(`${url}/v1/predictions`, { method: 'POST', body: new Uint8Array([0x7b, 0x7d]) })
  expect(await readProblem(untyped)).toMatchObject({ code: 'body_type_unsupported', found: 'none' })
  const compressed = await post(url, { inputs: ['a'] }, { headers: { 'content-encoding': 'gzip' } })
  expect(await readProblem(compressed)).toMatchObject({ code: 'body_type_unsupported', found: 'gzip' })
})

test('a body whose declared length is too large is rejected before it arrives', async () => {
  const { url, platform } = await start()
  const { socket, received, waitFor } = openSocket(url)
  socket.write(
    'POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000000\r\n\r\n{"inputs"',
  )
  await waitFor('body_too_large')
  expect(await received).toMatch(/^HTTP\/1.1 413 .*"found":"1000000000 bytes"/s)
  expect(platform.engine.calls).toEqual([])
})

test('a body of undeclared length is rejected as soon as it is too large', async () => {
  const { url } = await start({ jsonLimits: { bytes: 100_000 } })
  const { socket, received, waitFor } = openSocket(url)
  socket.write(
    'POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
  )
  const endless = setInterval(() => socket.write(`2710\r\n${'x'.repeat(10_000)}\r\n`), 1)
  await waitFor('body_too_large')
  // The server reads on for a while, because many clients read no response before they have sent everything.
  clearInterval(endless)
  expect(await received).toMatch(/^HTTP\/1.1 413 /)
})

test('a client that sends too much at once still receives the error', async () => {
  const { url } = await start()
  const response = await post(url, { inputs: ['x'.repeat(5 * 1024 * 1024)] })
  expect(await readProblem(response)).toMatchObject({ code: 'body_too_large', expected: 'at most 4194304 bytes' })
})

test('a body of exactly the maximum size is accepted', async () => {
  const { url } = await start({ jsonLimits: { bytes: 1000 } })
  const body = (size: number) => JSON.stringify({ inputs: ['x'.repeat(size - '{"inputs":[""]}'.length)] })
  expect((await post(url, body(1000))).status).toBe(200)
  expect((await post(url, body(1001))).status).toBe(413)
})

test('a body that does not arrive in time is rejected, while other requests are handled', async () => {
  const { url } = await start({ jsonLimits: { seconds: 0.3 } })
  const { socket, received } = openSocket(url)
  socket.write(
    'POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{"in',
  )
  expect((await post(url, { inputs: ['good'] })).status).toBe(200)
  expect(await received).toMatch(/^HTTP\/1.1 408 .*request_timeout.*only 4 bytes were received/s)
})

test('a body that arrives slowly but in time is accepted', async () => {
  const { url } = await start({ jsonLimits: { seconds: 5 } })
  const { socket, waitFor } = openSocket(url)
  const body = '{"inputs":["good"]}'
  socket.write(
    `POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
  )
  for (const letter of body) {
    socket.write(letter)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await waitFor('"label":"positive"')
  socket.destroy()
})

test('a connection that closes within a body does not affect other requests', async () => {
  const { url, platform } = await start()
  const { socket, received } = openSocket(url)
  socket.write(
    'POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{"in',
  )
  await new Promise((resolve) => setTimeout(resolve, 50))
  socket.destroy()
  await received
  expect((await post(url, { inputs: ['good'] })).status).toBe(200)
  expect(platform.logged).toEqual([])
})
