import fc from 'fast-check'
import { expect, test } from 'vitest'
import { startMcp } from './start-mcp.ts'

const MODERN = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

interface Reply {
  id?: unknown
  result?: { content: { text: string }[]; structuredContent?: Record<string, unknown>; isError?: boolean }
  error?: { code: number; message: string }
}

/** Starts a server, and sends it messages as a client without any library does. */
async function start() {
  const server = await startMcp()
  const send = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const call = async (name: string, args?: unknown): Promise<Reply> => {
    const params = { name, ...(args !== undefined && { arguments: args }) }
    return (await send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })).json() as Promise<Reply>
  }
  return { ...server, send, call }
}

const list = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'list_adapters', arguments: {} } }

test.each([
  ['nothing', undefined, 'application/json'],
  ['JSON', 'application/json', 'application/json'],
  ['anything', '*/*', 'application/json'],
  ['JSON or anything', 'application/json, */*;q=0.1', 'application/json'],
  ['both', 'application/json, text/event-stream', 'text/event-stream'],
  ['events', 'text/event-stream', 'text/event-stream'],
])('a client that accepts %s gets a response that it can read', async (_, accept, type) => {
  const { send } = await start()
  const response = await send(list, accept === undefined ? {} : { accept })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, type])
  expect(await response.text()).toMatch(type === 'application/json' ? /^\{.*imdb/ : /^event: message\ndata: \{.*imdb/)
})

test('so does one of the revision 2026-07-28, and one that sends a batch', async () => {
  const { send } = await start()
  const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'list_adapters' }
  const modern = await send({ ...list, params: { ...list.params, _meta: MODERN } }, { accept: '*/*', ...headers })
  expect(await modern.json()).toMatchObject({ id: 1, result: { structuredContent: { data: [{ name: 'imdb' }] } } })
  const batch = await send([list, { ...list, id: 2 }], { 'mcp-protocol-version': '2025-03-26' })
  expect(((await batch.json()) as Reply[]).map(({ id }) => id).sort()).toEqual([1, 2])
})

test('a client that accepts neither JSON nor events, or no events for a subscription, learns what to accept', async () => {
  const { send } = await start()
  const refused = await send(list, { accept: 'text/html' })
  expect([refused.status, await refused.json()]).toEqual([
    406,
    expect.objectContaining({ id: 1, error: { code: -32600, message: expect.stringContaining('text/event-stream') } }),
  ])
  const subscription = { ...list, method: 'subscriptions/listen', params: { notifications: {}, _meta: MODERN } }
  expect((await send(subscription, { accept: 'application/json' })).status).toBe(406)
})

test('null for an optional argument, or for all arguments, means that it is not set', async () => {
  const { call, films } = await start()
  expect((await call('list_adapters', null)).result?.structuredContent).toMatchObject({ data: [{ name: 'imdb' }] })
  const unset = { name: null, test_dataset: null, rank: null, idempotency_key: null, metadata: null, method: null }
  expect((await call('launch_training', { dataset: films, ...unset })).result?.structuredContent).toMatchObject({
    training: { status: 'queued', method: 'lora' },
  })
  const classified = await call('classify_reviews', {
    reviews: ['good', { text: 'bad', adapter: null }],
    ...{ adapter: 'imdb', adapters: null, detail: null },
  })
  expect(classified.result?.structuredContent).toMatchObject({ summary: '1 positive, 1 negative.' })
})

test('a number or a list as text is read as what it stands for', async () => {
  const { call } = await start()
  expect((await call('count_parameters', { method: 'lora', rank: '8' })).result?.structuredContent).toEqual(
    (await call('count_parameters', { method: 'lora', rank: 8 })).result?.structuredContent,
  )
  const classified = await call('classify_reviews', { reviews: '["good","bad"]', adapter: 'imdb' })
  expect(classified.result?.structuredContent).toMatchObject({ summary: '1 positive, 1 negative.' })
  expect((await call('list_adapters', '{"limit":"1"}')).result?.structuredContent).toMatchObject({ data: [{}] })
})

test('no message of a library reaches a client, whatever it sends', async () => {
  const { send, platform } = await start()
  const methods = ['initialize', 'ping', 'tools/list', 'tools/call', 'prompts/get', 'prompts/list', 'resources/read']
  const value = fc.oneof(fc.constantFrom(null, 7, '', 'x', [], {}, { name: 7 }, { name: 'x', arguments: [1] }))
  const fields = ['name', 'arguments', 'uri', 'cursor', 'protocolVersion', 'capabilities', 'clientInfo', '_meta']
  const params = fc.oneof(value, fc.dictionary(fc.constantFrom(...fields), value))
  const property = fc.asyncProperty(
    fc.constantFrom(...methods, 'resources/list', 'resources/templates/list', 'completion/complete', 'tasks/get'),
    params,
    fc.boolean(),
    async (method, params, modern) => {
      const meta =
        modern && typeof params === 'object' && !Array.isArray(params) ? { _meta: MODERN, ...params } : params
      const headers = modern ? { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method } : {}
      const answer = await (await send({ jsonrpc: '2.0', id: 1, method, params: meta }, headers as never)).text()
      const text = `${method} ${JSON.stringify(meta)}: ${answer}`
      expect(text).not.toMatch(/invalid_type|invalid_union|Invalid input|, received |unrecognized_keys|ZodError/)
    },
  )
  await fc.assert(property, { numRuns: 200, seed: 15 })
  expect(platform.logged).toEqual([])
})
