import fc from 'fast-check'
import { expect } from 'vitest'
import { archive, entry, pax } from '../platform/artifacts/archives.ts'
import { upload } from './archive-attacks.ts'
import type { Attack } from './attack.ts'
import { pack } from './bombs.ts'
import type { Answer } from './client.ts'
import type { Files, Target } from './target.ts'

const RUNS = 40

/** A value that a caller may put anywhere. */
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(-1, 0.5, 2 ** 53, 1e308, '', '\0', '__proto__', 'constructor', '\u202e', '\ud800', [[]], {}, null),
  fc.integer({ min: 0, max: 3000 }).map((length) => Array<number>(length).fill(7)),
)

type Json = Record<string, unknown>

/** Replaces a value at the end of a random walk through JSON. */
function spoil(value: unknown, walk: readonly number[], by: unknown): unknown {
  if (walk.length === 0 || typeof value !== 'object' || value === null) return by
  const keys = Array.isArray(value) ? Object.keys(value) : [...Object.keys(value), 'metrics', 'training', 'unknown']
  if (keys.length === 0) return by
  const key = keys[walk[0] % keys.length]
  const changed = spoil((value as Json)[key], walk.slice(1), by)
  return Array.isArray(value) ? value.with(Number(key), changed) : { ...value, [key]: changed }
}

const change = fc.tuple(fc.array(fc.nat(40), { minLength: 1, maxLength: 5 }), anything)

/** A change of bytes: some are replaced, removed or repeated. */
const damage = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat(600),
  by: fc.uint8Array({ maxLength: 40 }),
})

function damaged(bytes: Buffer, { at, length, by }: { at: number; length: number; by: Uint8Array }): Buffer {
  const begin = Math.floor(at * bytes.length)
  return Buffer.concat([bytes.subarray(0, begin), by, bytes.subarray(begin + length)])
}

/**
 * Sends what is generated.
 * @throws Error with an example of what gets neither a result nor an error of the caller
 * @returns the numbers of results and of errors
 */
async function sendAll<T>(generated: fc.Arbitrary<T>, send: (value: T) => Promise<Answer>): Promise<number[]> {
  const counts = [0, 0]
  const property = fc.asyncProperty(generated, async (value) => {
    const { status, body } = await send(value)
    if (status < 200 || status >= 500 || JSON.stringify(body).includes('failed unexpectedly'))
      throw new Error(`${status}: ${JSON.stringify(body)}`)
    counts[status < 300 ? 0 : 1]++
  })
  await fc.assert(property, { numRuns: RUNS })
  return counts
}

/** Uploads an adapter, and deletes it if it was accepted. */
async function tryUpload(target: Target, body: Uint8Array): Promise<Answer> {
  const answer = await upload(target, body, 'random')
  if (answer.status === 201) await target.attacker.send('DELETE', '/v1/adapters/random')
  return answer
}

/** Changes the JSON of one file of an adapter. */
const changeFile = (good: Files, name: string) =>
  fc.array(change, { minLength: 1, maxLength: 2 }).map((changes) => {
    const json = changes.reduce<unknown>(
      (value, [walk, by]) => spoil(value, walk, by),
      JSON.parse(good[name].toString()),
    )
    return { ...good, [name]: Buffer.from(JSON.stringify(json)) }
  })

const name = fc.oneof(
  fc.string({ maxLength: 99 }),
  fc.constantFrom('graft.json', '../x', '/x', 'a/b', 'a//b', '.', 'A', 'a'),
)
const tarEntry = fc.record({
  name,
  type: fc.constantFrom('0', '1', '2', '3', '5', '6', '7', 'L', 'K', 'x', 'g', 'S', '\0', 'z'),
  content: fc.uint8Array({ maxLength: 1200 }),
  size: fc.option(fc.oneof(fc.nat(5000), fc.constantFrom(8e9, 2 ** 31)), { nil: undefined }),
  link: fc.constantFrom('', '/etc/passwd', '..'),
})
const paxRecord = fc.tuple(
  fc.constantFrom('path', 'size', 'linkpath', 'GNU.sparse.realsize', ''),
  fc.string({ maxLength: 50 }),
)

const BOUNDARY = 'a'
const formPart = fc.record({
  name: fc.oneof(fc.string({ maxLength: 30 }), fc.constantFrom('file', 'purpose', '__proto__')),
  filename: fc.option(fc.string({ maxLength: 30 })),
  more: fc.string({ maxLength: 60 }),
  content: fc.oneof(fc.string(), fc.constantFrom('fine-tune', '{"text":"a","label":"b"}\n')),
})
const form = fc
  .tuple(fc.array(formPart, { maxLength: 5 }), fc.constantFrom(`--${BOUNDARY}--`, `--${BOUNDARY}`, '', '\r\n'))
  .map(([parts, end]) =>
    Buffer.from(
      parts
        .map(
          (part) =>
            `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${part.name}"${part.filename === null ? '' : `; filename="${part.filename}"`}\r\n${part.more}\r\n\r\n${part.content}\r\n`,
        )
        .join('') + end,
    ),
  )
const validForm = Buffer.from(
  `--a\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--a\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n{"text":"a","label":"b"}\r\n--a--\r\n`,
)

const MCP_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
const message = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: {
    name: 'classify_reviews',
    arguments: { reviews: ['A joy.'], adapter: 'film' },
    _meta: { progressToken: 1 },
  },
}
const others = [
  'ping',
  'tools/list',
  'resources/list',
  'resources/read',
  'initialize',
  'tasks/get',
  'prompts/list',
  'completion/complete',
]
const mcpMessage = fc.oneof(
  fc
    .array(change, { maxLength: 3 })
    .map((changes) => changes.reduce<unknown>((value, [walk, by]) => spoil(value, walk, by), message)),
  fc.record({
    jsonrpc: fc.constant('2.0'),
    id: fc.oneof(fc.nat(), fc.string()),
    method: fc.constantFrom(...others),
    params: anything,
  }),
  fc.array(anything, { maxLength: 12 }),
  anything,
)

/** Both numbers are positive: some of what is sent is valid. */
const BOTH = [expect.toSatisfy(isPositive), expect.toSatisfy(isPositive)]

export const randomAttacks: readonly Attack[] = [
  {
    name: 'any change of graft.json',
    run: (target) =>
      sendAll(changeFile(target.good, 'graft.json'), (files) => tryUpload(target, Buffer.concat([...pack(files)]))),
    expects: BOTH,
  },
  {
    name: 'any change of adapter_config.json',
    run: (target) =>
      sendAll(changeFile(target.good, 'adapter_config.json'), (files) =>
        tryUpload(target, Buffer.concat([...pack(files)])),
      ),
    expects: BOTH,
  },
  {
    name: 'any damage of an archive',
    run: (target) => {
      const whole = Buffer.concat([...pack(target.good)])
      return sendAll(damage, (one) => tryUpload(target, damaged(whole, one)))
    },
    expects: { 1: expect.toSatisfy(isPositive) },
  },
  {
    name: 'any entries of an archive',
    run: (target) =>
      sendAll(fc.array(fc.tuple(tarEntry, fc.option(paxRecord)), { maxLength: 5 }), (entries) =>
        tryUpload(
          target,
          archive(...entries.flatMap(([fields, record]) => [...(record ? [pax(...record)] : []), entry(fields)])),
        ),
      ),
    expects: { 1: expect.toSatisfy(isPositive) },
  },
  {
    name: 'any form',
    async run({ attacker }) {
      const headers = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
      const send = async (body: Uint8Array) => {
        const answer = await attacker.send('POST', '/v1/files', { body, headers })
        if (answer.status === 200) await attacker.send('DELETE', `/v1/files/${answer.body.id}`)
        return answer
      }
      return sendAll(
        fc.oneof(
          form,
          damage.map((one) => damaged(validForm, { ...one, length: one.length % 20 })),
        ),
        send,
      )
    },
    expects: { 1: expect.toSatisfy(isPositive) },
  },
  {
    name: 'any message for MCP',
    run: ({ attacker }) =>
      sendAll(mcpMessage, (value) =>
        attacker.send('POST', '/mcp', { body: JSON.stringify(value) ?? '', headers: MCP_HEADERS }),
      ),
    expects: BOTH,
  },
]

function isPositive(count: number): boolean {
  return count > 0
}
