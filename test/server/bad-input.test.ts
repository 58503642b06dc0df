import { expect, test } from 'vitest'
import { catalogue } from '../../core/catalogue.ts'
import { dial, post, problemFrom, start } from './start.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)

const refused: [what: string, body: unknown, code: keyof typeof catalogue, problem: Record<string, unknown>][] = [
  ['an empty body', '', 'body_not_json', { found: 'an empty body' }],
  ['a body that is not JSON', '{"inputs": [', 'body_not_json', { expected: 'JSON' }],
  ['two JSON documents', '{} {}', 'body_not_json', {}],
  ['bytes that are not UTF-8', bytes(0x22, 0xff, 0xfe, 0x22), 'body_not_json', { expected: 'UTF-8' }],
  ['JSON of great depth', '['.repeat(1e6) + ']'.repeat(1e6), 'body_not_json', { found: 'deeper nesting' }],
  ['a list for the body', [], 'body_invalid', { subject: 'the body', found: 'an empty list' }],
  ['null for the body', 'null', 'body_invalid', { subject: 'the body', found: 'null' }],
  ['no inputs', {}, 'body_invalid', { subject: 'inputs', found: 'nothing' }],
  ['an empty list of texts', { inputs: [] }, 'body_invalid', { subject: 'inputs', found: 'an empty list' }],
  ['a text for the list', { inputs: 'good' }, 'body_invalid', { subject: 'inputs', found: '"good"' }],
  ['a number for a text', { inputs: ['a', 7] }, 'body_invalid', { subject: 'inputs[1]', found: 'the number 7' }],
  ['null for a text', { inputs: [null] }, 'body_invalid', { subject: 'inputs[0]', found: 'null' }],
  ['a list for a text', { inputs: [['a']] }, 'body_invalid', { subject: 'inputs[0]', found: 'a list of 1' }],
  ['257 texts', { inputs: Array(257).fill('a') }, 'body_invalid', { found: 'a list of 257' }],
  ['a list of a million numbers', `{"inputs":[${'1,'.repeat(1e6)}1]}`, 'body_invalid', { found: 'a list of 1000001' }],
  ['a number for the adapter', { inputs: ['a'], adapter: 1 }, 'body_invalid', { subject: 'adapter' }],
  ['an adapter with U+0000', { inputs: ['a'], adapter: 'a\0' }, 'body_invalid', { subject: 'adapter' }],
  ['no adapters', { inputs: ['a'], adapters: [] }, 'body_invalid', { subject: 'adapters' }],
  ['an unknown field', { inputs: ['a'], adaptor: 'b' }, 'body_invalid', { found: 'the field "adaptor"' }],
  ['a field called __proto__', '{"inputs":["a"],"__proto__":{"adapter":"b"}}', 'body_invalid', {}],
  ['an unknown adapter', { inputs: ['a'], adapter: 'b' }, 'adapter_unknown', { expected: 'imdb', found: '"b"' }],
]

test.each(refused)('%s is refused with what was expected, what came and how to fix it', async (_, body, code, more) => {
  const { url, platform } = await start()
  const problem = await problemFrom(await post(url, body))
  expect(problem).toMatchObject({ code, status: catalogue[code].status, type: `/docs/errors#${code}`, ...more })
  expect(problem.fix).toBeTruthy()
  expect(JSON.stringify(problem).length).toBeLessThan(1000)
  expect(platform.engine.calls).toEqual([])
  expect(platform.logged).toEqual([])
})

test('hostile bodies are refused before they hold up others', async () => {
  const { url } = await start()
  for (const [, body] of refused.filter(([what]) => /depth|million/.test(what))) {
    const started = performance.now()
    await post(url, body)
    expect(performance.now() - started).toBeLessThan(1000)
  }
})

test('brackets inside a text are no nesting', async () => {
  const { url } = await start()
  expect((await post(url, { inputs: [`good \\" ${'['.repeat(1000)}\\`] })).status).toBe(200)
})

test('a byte order mark before the JSON is overlooked', async () => {
  const { url } = await start()
  expect((await post(url, '\ufeff{"inputs":["good"]}')).status).toBe(200)
})

test.each([
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json; charset=latin1',
  'application/jsonx',
])('a body of type %s is refused', async (type) => {
  const { url } = await start()
  const response = await post(url, { inputs: ['a'] }, { headers: { 'content-type': type } })
  expect(await problemFrom(response)).toMatchObject({ code: 'body_type_unsupported', status: 415, found: type })
})

test.each(['application/json', 'Application/JSON; Charset="UTF-8"', 'application/vnd.api+json'])(
  'a body of type %s is read',
  async (type) => {
    const { url } = await start()
    expect((await post(url, { inputs: ['a'] }, { headers: { 'content-type': type } })).status).toBe(200)
  },
)

test('a body without a type, or compressed, is refused', async () => {
  const { url } = await start()
  const untyped = await fetch(`${url}/v1/predictions`, { method: 'POST', body: new Uint8Array([0x7b, 0x7d]) })
  expect(await problemFrom(untyped)).toMatchObject({ code: 'body_type_unsupported', found: 'none' })
  const packed = await post(url, { inputs: ['a'] }, { headers: { 'content-encoding': 'gzip' } })
  expect(await problemFrom(packed)).toMatchObject({ code: 'body_type_unsupported', found: 'gzip' })
})

test('a body whose declared length is too large is refused before it comes', async () => {
  const { url, platform } = await start()
  const { socket, all, seen } = dial(url)
  socket.write(
    'POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000000\r\n\r\n{"inputs"',
  )
  await seen('body_too_large')
  expect(await all).toMatch(/^HTTP\/1.1 413 .*"found":"1000000000 bytes"/s)
  expect(platform.engine.calls).toEqual([])
})

test('a body that turns out too large as it comes is refused without being kept', async () => {
  const { url } = await start({ limits: { bytes: 100_000 } })
  const { socket, all, seen } = dial(url)
  socket.write(
    'POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
  )
  const endless = setInterval(() => socket.write(`2710\r\n${'x'.repeat(10_000)}\r\n`), 1)
  await seen('body_too_large')
  expect(await all).toMatch(/^HTTP\/1.1 413 /)
  clearInterval(endless)
})

test('a client that sends too much all at once still reads the refusal', async () => {
  const { url } = await start()
  const response = await post(url, { inputs: ['x'.repeat(5 * 1024 * 1024)] })
  expect(await problemFrom(response)).toMatchObject({ code: 'body_too_large', expected: 'at most 4194304 bytes' })
})

test('a body of exactly the largest size is read', async () => {
  const { url } = await start({ limits: { bytes: 1000 } })
  const body = (size: number) => JSON.stringify({ inputs: ['x'.repeat(size - '{"inputs":[""]}'.length)] })
  expect((await post(url, body(1000))).status).toBe(200)
  expect((await post(url, body(1001))).status).toBe(413)
})

test('a body that dawdles is refused, while others are answered', async () => {
  const { url } = await start({ limits: { seconds: 0.3 } })
  const { socket, all } = dial(url)
  socket.write(
    'POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{"in',
  )
  expect((await post(url, { inputs: ['good'] })).status).toBe(200)
  expect(await all).toMatch(/^HTTP\/1.1 408 .*request_timeout.*"found":"4 bytes by then"/s)
})

test('a body that comes slowly but in time is answered', async () => {
  const { url } = await start({ limits: { seconds: 5 } })
  const { socket, seen } = dial(url)
  const body = '{"inputs":["good"]}'
  socket.write(
    `POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
  )
  for (const letter of body) {
    socket.write(letter)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await seen('"label":"positive"')
  socket.destroy()
})

test('a connection that ends within the body harms nobody', async () => {
  const { url, platform } = await start()
  const { socket, all } = dial(url)
  socket.write(
    'POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{"in',
  )
  await new Promise((resolve) => setTimeout(resolve, 50))
  socket.destroy()
  await all
  expect((await post(url, { inputs: ['good'] })).status).toBe(200)
  expect(platform.logged).toEqual([])
})
