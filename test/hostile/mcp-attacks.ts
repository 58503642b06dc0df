import type { Attack } from './attack.ts'
import type { Answer, Sent } from './client.ts'
import type { Target } from './target.ts'

const HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2025-03-26',
}

const send = ({ attacker }: Target, body: Sent['body'], more: Omit<Sent, 'body'> = {}): Promise<Answer> =>
  attacker.send('POST', '/mcp', { body, ...more, headers: { ...HEADERS, ...more.headers } })

const call = (id: unknown, name: string, args: unknown) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})

const request = (method: unknown, params?: unknown) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })

/** Returns the answers that no caller should get: faults of the server, and no answer. */
const faults = (answers: readonly Answer[]): Answer[] =>
  answers.filter(({ status, body }) => status < 200 || status >= 500 || JSON.stringify(body).includes('"internal"'))

const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

export const mcpAttacks: readonly Attack[] = [
  {
    name: 'a batch of a hundred',
    run: (target) => send(target, JSON.stringify(Array.from({ length: 100 }, (_, i) => call(i, 'list_adapters', {})))),
    expects: { status: 422 },
  },
  {
    name: 'a hundred batches of ten that wait for an unknown training',
    async run(target) {
      const wait = { training: '01900000-0000-7000-8000-000000000000', wait_seconds: 30 }
      const batch = JSON.stringify(Array.from({ length: 10 }, (_, i) => call(i, 'get_training', wait)))
      const answers = await Promise.all(Array.from({ length: 100 }, () => send(target, batch)))
      return answers.filter(({ status }) => ![200, 429].includes(status))
    },
    expects: [],
  },
  {
    name: 'deep JSON',
    async run(target) {
      const bodies = [
        deep(1e5),
        `[${deep(1e5)}]`,
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${deep(1e5)}}`,
      ]
      return (await Promise.all(bodies.map((body) => send(target, body)))).map(({ status }) => status)
    },
    expects: [400, 400, 400],
  },
  {
    name: 'unknown methods, tools and resources',
    async run(target) {
      const methods = [
        '',
        'constructor',
        '__proto__',
        'tools/__proto__',
        'a'.repeat(1e6),
        'sampling/createMessage',
        7,
        null,
        ['tools/list'],
      ]
      const uris = [
        'graft://adapters/%zz',
        'graft://adapters/../../etc/passwd',
        'file:///etc/passwd',
        '%',
        '\0',
        'graft://',
        `graft://adapters/${'%41'.repeat(1e5)}`,
      ]
      const bodies = [
        ...methods.map((method) => request(method, {})),
        ...uris.map((uri) => request('resources/read', { uri })),
        ...['__proto__', 'constructor', '', 'launch_training'].map((name) => JSON.stringify(call(1, name, null))),
        request('completion/complete', {
          ref: { type: 'ref/resource', uri: 'graft://adapters/{id}' },
          argument: { name: '__proto__', value: '\ud800' },
        }),
        request('prompts/get', { name: 'constructor', arguments: { __proto__: 1 } }),
        request('logging/setLevel', { level: 'everything' }),
        request('initialize', { protocolVersion: '\0'.repeat(1e5), capabilities: 7, clientInfo: [] }),
      ]
      return faults(await Promise.all(bodies.map((body) => send(target, body))))
    },
    expects: [],
  },
  {
    name: 'malformed frames',
    async run(target) {
      const frames = [
        '',
        '{',
        '[]',
        'null',
        '"x"',
        '{"jsonrpc":"1.0","id":1,"method":"ping"}',
        '{"jsonrpc":"2.0","id":{},"method":"ping"}',
        '{"jsonrpc":"2.0","id":1e400,"method":"ping"}',
        '{"jsonrpc":"2.0","result":{},"id":1}',
        '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{}}}',
        '{"jsonrpc":"2.0","error":7,"id":null}',
        '[[],[[]],null,1]',
        `[${'1,'.repeat(9)}1]`,
        '\0',
        '\ufeff{}',
      ]
      return faults(await Promise.all(frames.map((body) => send(target, body))))
    },
    expects: [],
  },
  {
    name: 'headers and methods that do not fit',
    async run(target) {
      const ping = request('ping')
      const answers = [
        await send(target, ping, { headers: { 'mcp-protocol-version': '9999-99-99' } }),
        await send(target, ping, { headers: { 'mcp-protocol-version': '2026-07-28' } }),
        await send(target, ping, { headers: { accept: 'text/html' } }),
        await send(target, ping, { headers: { 'content-type': 'text/plain' } }),
        await send(target, ping, { headers: { 'mcp-session-id': 'x'.repeat(4000), 'last-event-id': '-1' } }),
        await target.attacker.send('GET', '/mcp', { headers: HEADERS }),
        await target.attacker.send('DELETE', '/mcp', { headers: HEADERS }),
        await target.attacker.send('PUT', '/mcp', { body: ping, headers: HEADERS }),
      ]
      return faults(answers)
    },
    expects: [],
  },
  {
    name: 'pages of other sites',
    async run(target) {
      const origins = [
        'https://page.example',
        'null',
        'http://localhost.page.example',
        'http://127.0.0.1.nip.io',
        'file://',
      ]
      const answers = await Promise.all(
        origins.map((origin) => send(target, request('tools/list'), { headers: { origin } })),
      )
      return answers.map(({ status }) => status)
    },
    expects: [403, 403, 403, 403, 403],
  },
]
