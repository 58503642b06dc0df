import { setTimeout as pause } from 'node:timers/promises'
import type { GraftProcess } from '../cli/run.ts'
import { openSocket } from '../server/start.ts'
import type { Attack } from './attack.ts'
import { makeClient } from './client.ts'
import type { Target } from './target.ts'

/** Sends bytes over a connection. @returns the statuses of all responses, once the server has closed it */
async function raw({ url }: Target, ...parts: (string | Buffer)[]): Promise<string[]> {
  const { socket, received } = openSocket(url)
  for (const part of parts) socket.write(part)
  const timer = setTimeout(() => socket.destroy(), 40_000)
  const text = await received
  clearTimeout(timer)
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status)
}

/** Returns whether the log says soon that lines were dropped. */
async function hasDropped(server: GraftProcess): Promise<boolean> {
  for (const until = Date.now() + 20_000; Date.now() < until; await pause(50))
    if (/"dropped_lines":\d+/.test(server.stderr)) return true
  return false
}

/** Opens connections, does something, and closes them. */
async function held(target: Target, count: number, head: (i: number) => string, meanwhile: () => Promise<unknown>) {
  const sockets = Array.from({ length: count }, (_, i) => {
    const { socket } = openSocket(target.url)
    socket.write(head(i))
    return socket
  })
  const trickle = setInterval(() => {
    for (const socket of sockets) if (!socket.destroyed) socket.write('x')
  }, 100)
  try {
    return await meanwhile()
  } finally {
    clearInterval(trickle)
    for (const socket of sockets) socket.destroy()
  }
}

const POST = 'POST /v1/predictions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
const GET = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n'
/** A request that must never be answered, because it is the body of the one before it. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n'

const framings: readonly string[] = [
  `${POST}content-length: 5\r\ncontent-length: 6\r\n\r\n${SMUGGLED}`,
  `${POST}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  `${POST}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  `${POST}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  `${POST}transfer-encoding : chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  `${POST}content-length: -1\r\n\r\n${SMUGGLED}`,
  `${POST}content-length: +2\r\n\r\n{}${SMUGGLED}`,
  `${POST}content-length: 99999999999999999999\r\n\r\n${SMUGGLED}`,
  `${POST}transfer-encoding: chunked\r\n\r\n-1\r\n\r\n${SMUGGLED}`,
  `${POST}transfer-encoding: chunked\r\n\r\nffffffffffffffff1\r\n\r\n${SMUGGLED}`,
  `${POST}transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(20_000)}\r\n \r\n0\r\n\r\n`,
  `GET /healthz HTTP/1.1\nhost: localhost\n\n${SMUGGLED}`,
  `${GET}x: a\r\n b\r\n\r\n${SMUGGLED}`,
  `${GET}x\0: a\r\n\r\n`,
  `${GET}x: ${'a'.repeat(100_000)}\r\n\r\n`,
  `${GET}${Array.from({ length: 5000 }, (_, i) => `x${i}: a\r\n`).join('')}\r\n`,
  `GET ${'/a'.repeat(50_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`,
  'GET /healthz HTTP/9.9\r\nhost: localhost\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  '\0'.repeat(10_000),
]

export const httpAttacks: readonly Attack[] = [
  {
    name: 'requests whose length is ambiguous',
    async run(target) {
      const answers = await Promise.all(framings.map((text) => raw(target, text)))
      // One response at most: the rest of the bytes is not a request.
      return answers.flatMap((statuses, i) =>
        statuses.length <= 1 && statuses.every((status) => /^4\d\d$/.test(status))
          ? []
          : [[statuses, framings[i].slice(0, 200)]],
      )
    },
    expects: [],
  },
  {
    name: 'a request without Host',
    run: (target) => raw(target, 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n'),
    expects: ['400'],
  },
  {
    name: 'an unknown expectation',
    run: (target) => raw(target, `${GET}expect: x\r\nconnection: close\r\n\r\n`),
    expects: ['200'],
  },
  {
    name: 'a GET whose body trickles in',
    run: (target) =>
      held(
        target,
        50,
        () => `${GET}content-length: 1000000\r\n\r\n`,
        () => raw(target, `${GET}content-length: 9\r\n\r\n`, 'x'),
      ),
    expects: ['200'],
  },
  {
    name: 'a thousand connections with half a request',
    run: (target) =>
      held(
        target,
        1000,
        (i) => (i % 2 ? GET : `${POST}content-length: 1000\r\n\r\n{`),
        () => pause(1500),
      ),
    expects: undefined,
  },
  {
    name: 'sixty bodies that stop before the last of 4 MiB',
    async run(target) {
      const bytes = 4 * 2 ** 20 - 1
      const head = `${POST}authorization: Bearer ${target.attacker.secret}\r\ncontent-length: ${bytes}\r\n\r\n`
      return held(
        target,
        60,
        () => head + ' '.repeat(bytes - 1000),
        () => pause(2000),
      )
    },
    expects: undefined,
  },
  {
    name: 'a thousand pipelined requests',
    async run(target) {
      const statuses = await raw(target, `${GET}\r\n`.repeat(1000), `${GET}connection: close\r\n\r\n`)
      return [statuses.length, new Set(statuses).size, statuses[0]]
    },
    expects: [1001, 1, '200'],
  },
  {
    name: 'thousands of bogus keys',
    async run({ url }) {
      const wrong = ['x', 'a'.repeat(12_000), `graft_${'A'.repeat(43)}`, `graft_${'\u00e9'.repeat(43)}`, '']
      const statuses = new Set<number>()
      for (let round = 0; round < 20; round++) {
        const send = (i: number) =>
          makeClient(url, `${wrong[i % wrong.length]}${i}.${round}`).send('GET', '/v1/adapters')
        for (const { status } of await Promise.all(Array.from({ length: 50 }, (_, i) => send(i)))) statuses.add(status)
      }
      return [...statuses].sort()
    },
    // From some number of wrong keys on, their address waits.
    expects: [401, 429],
  },
  {
    name: 'odd paths',
    async run(target) {
      const paths = [
        '/%00',
        '/%zz',
        '//',
        '/v1/adapters/..%2f..%2fkeys',
        '/v1/adapters/%2e%2e/keys',
        '/v1/keys/',
        '/V1/KEYS',
        '/v1/keys%20',
        '/v1/adapters/__proto__',
        '/v1/adapters/%00',
        '/v1/adapters/%ed%a0%80',
        `/v1/adapters/${'a'.repeat(7000)}`,
        '/v1/adapters?limit=1e9',
        '/v1/adapters?after=%00',
        '/v1/trainings?status=__proto__',
        '/v1/trainings/constructor/events',
        '/v1/datasets/%F0%9F%92%A9',
        '/docs/..%2f..%2fpackage.json',
        '/v1/files/..%2fx/content',
      ]
      const statuses = paths.map(async (path) => [(await target.attacker.send('GET', path)).status, path] as const)
      return (await Promise.all(statuses)).filter(
        ([status]) => status === 0 || status >= 500 || (status < 400 && status >= 300),
      )
    },
    expects: [],
  },
  {
    name: 'junk for every operation of the API',
    async run(target) {
      const { paths } = (await target.attacker.send('GET', '/openapi.json')).body as {
        paths: Record<string, Record<string, object>>
      }
      const junk = ['{"a":[null,1e400]}', '[{"__proto__":1}]', '"\ud800"', '\0\0', 'a'.repeat(1000)]
      const sent = Object.entries(paths).flatMap(([path, operations]) =>
        Object.keys(operations).flatMap((method) =>
          junk.map(async (body, i) => {
            const at = path.replaceAll(/\{[^}]+\}/g, ['x', '%00', '__proto__', '%F0%9F%92%A9', '0'][i])
            const type = [
              'application/json',
              'application/json',
              'application/json',
              'application/octet-stream',
              'multipart/form-data; boundary=a',
            ][i]
            const answer = await target.attacker.send(method.toUpperCase(), at, {
              ...(method !== 'get' && { body }),
              headers: { 'content-type': type },
            })
            return { at: `${method} ${at}`, ...answer }
          }),
        ),
      )
      return (await Promise.all(sent)).filter(({ status }) => status === 0 || status >= 500)
    },
    expects: [],
  },
  {
    name: 'multipart forms with NUL, huge names and no end',
    async run(target) {
      const headers = { 'content-type': 'multipart/form-data; boundary=a' }
      const part = (name: string, filename: string, content = '{"text":"a","label":"b"}') =>
        `--a\r\ncontent-disposition: form-data; name="${name}"; filename="${filename}"\r\n\r\n${content}\r\n`
      const purpose = '--a\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
      const bodies = ['a\0b', '../../evil', 'x'.repeat(7000), '\u001b[2J\u202e', 'CON', ''].map(
        (name) => `${purpose}${part('file', name)}--a--\r\n`,
      )
      bodies.push(
        purpose.repeat(5000),
        part('file', 'a'),
        `${purpose}${part('file', 'a')}${part('file', 'b')}--a--`,
        part('__proto__', 'a'),
        '--a--',
        'a'.repeat(1e6),
        `--a\r\n${'x: y\r\n'.repeat(1e5)}`,
      )
      const answers = await Promise.all(
        bodies.map((body) => target.attacker.send('POST', '/v1/files', { body, headers })),
      )
      for (const { body } of answers) if (body?.id) await target.attacker.send('DELETE', `/v1/files/${body.id}`)
      return answers.filter(({ status }) => status === 0 || status >= 500)
    },
    expects: [],
  },
  {
    name: 'nobody reads the log',
    async run(target) {
      const { child, server, attacker } = target
      child.stderr?.pause()
      // Each line of the log has about 200 bytes, and 1 MiB of them wait.
      const many = [`${GET}\r\n`.repeat(1000), `${GET}connection: close\r\n\r\n`]
      await Promise.all(Array.from({ length: 10 }, () => raw(target, ...many)))
      const { status } = await attacker.send('GET', '/v1/aliases')
      child.stderr?.resume()
      return [status, await hasDropped(server)]
    },
    expects: [200, true],
  },
]
