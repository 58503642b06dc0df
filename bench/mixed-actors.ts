import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Answer, KeyedClient, Request } from './keyed-client.ts'

/** The client and its surroundings. */
export interface Stage {
  readonly client: KeyedClient
  readonly texts: readonly string[]
  readonly archives: readonly Buffer[]
  readonly datasets: readonly Buffer[]
  /** The client's number. */
  readonly id: number
  isOver(): boolean
}

type Noting = Stage & { note(answer: Answer): void }

/** A kind of client. Its clients take turns in using `keys` keys. */
export interface Actor {
  readonly name: string
  readonly scope: 'predict' | 'train' | 'admin'
  readonly keys: number
  /** Sends requests until the load is over, and notes each answer. */
  run(stage: Noting): Promise<void>
}

const BUSY_PAUSE_MS = 250
const JSON_TYPE = { 'content-type': 'application/json' }
const TAR_TYPE = { 'content-type': 'application/x-tar' }
const LINES_TYPE = { 'content-type': 'application/jsonl' }

/** Repeats one request. A polite client waits a moment after each 429. */
const repeat =
  (next: (stage: Noting, turn: number) => [method: string, path: string, sent?: Request], isPolite = true) =>
  async (stage: Noting) => {
    for (let turn = 0; !stage.isOver(); turn++) {
      const answer = await stage.client.send(...next(stage, turn))
      stage.note(answer)
      if (isPolite && answer.status === 429) await sleep(BUSY_PAUSE_MS)
    }
  }

const take = ({ texts, id }: Stage, turn: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => texts[(37 * id + turn * count + i) % texts.length])

/** Classifies this many reviews at a time. */
const predict = (count: number) =>
  repeat((stage, turn) => ['POST', '/v1/predictions', { body: { inputs: take(stage, turn, count), adapter: 'film' } }])

/** Bodies are made once: making them takes the time that the clients are to measure. */
const rubbishBodies = {
  deep: '['.repeat(1e5),
  long: JSON.stringify({ inputs: ['x'.repeat(900_000)], adapter: 'film' }),
  many: JSON.stringify({ inputs: Array(1e5).fill('x'), adapter: 'film' }),
  bomb: gzipSync(Buffer.alloc(2 ** 26, 'a')),
  binary: Buffer.alloc(2 ** 20),
  zeros: Buffer.alloc(2 ** 22),
  nested: `${'{"a":'.repeat(1e4)}1`,
}

const rubbish: readonly ((stage: Stage) => [string, string, Request?])[] = [
  () => ['POST', '/v1/predictions', { body: '{"inputs": [', headers: JSON_TYPE }],
  () => ['POST', '/v1/predictions', { body: rubbishBodies.deep, headers: JSON_TYPE }],
  () => ['POST', '/v1/predictions', { body: rubbishBodies.long, headers: JSON_TYPE }],
  () => ['POST', '/v1/predictions', { body: rubbishBodies.many, headers: JSON_TYPE }],
  () => ['POST', '/v1/predictions', { body: { inputs: ['x'], adapter: randomUUID() } }],
  () => ['POST', '/v1/datasets?name=bomb', { body: rubbishBodies.bomb, headers: LINES_TYPE }],
  () => ['POST', '/v1/datasets?name=binary', { body: rubbishBodies.binary, headers: LINES_TYPE }],
  ({ archives }) => ['POST', '/v1/adapters?name=cut', { body: archives[0].subarray(0, 2 ** 15), headers: TAR_TYPE }],
  () => ['POST', '/v1/adapters?name=zeros', { body: rubbishBodies.zeros, headers: TAR_TYPE }],
  () => ['POST', '/v1/trainings', { body: { dataset: 'none', rank: 1e9, steps: -1 } }],
  () => ['POST', '/mcp', { body: rubbishBodies.nested, headers: JSON_TYPE }],
  () => ['GET', `/v1/adapters/${'%41'.repeat(2000)}`],
  () => ['DELETE', '/v1/keys/..%2f..%2f'],
]

/** Trains for a few steps, follows the events, and deletes what it made. */
async function train(stage: Noting): Promise<void> {
  const { client, note, datasets, id } = stage
  const send = async (...request: Parameters<KeyedClient['send']>) => {
    const answer = await client.send(...request)
    note(answer)
    if (answer.status === 429) await sleep(BUSY_PAUSE_MS)
    return answer
  }
  for (let turn = 0; !stage.isOver(); turn++) {
    const name = `mixed-${id}-${turn}`
    const body = datasets[(id + turn) % datasets.length]
    if ((await send('POST', `/v1/datasets?name=${name}`, { body, headers: LINES_TYPE })).status !== 201) continue
    const settings = { dataset: name, name, steps: 3, batch_tokens: 256, threads: 1, device: 'cpu' }
    const launched = await send('POST', '/v1/trainings', { body: settings })
    if (launched.status === 201) {
      const path = `/v1/trainings/${launched.body.id}`
      await sleep(BUSY_PAUSE_MS)
      await send('GET', `${path}/events`, { headers: { accept: 'application/json' } })
      await send('GET', path)
      await send('POST', `${path}/cancel`)
    }
    await send('DELETE', `/v1/datasets/${name}`)
  }
}

const call = (name: string, args: object): Request => ({
  body: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } },
  headers: { accept: 'application/json', 'mcp-protocol-version': '2025-11-25' },
})

export const actors: readonly Actor[] = [
  {
    name: 'one review',
    scope: 'predict',
    keys: 4,
    run: predict(1),
  },
  {
    name: 'batches of reviews',
    scope: 'predict',
    keys: 2,
    run: predict(32),
  },
  {
    name: "OpenAI's shape",
    scope: 'predict',
    keys: 2,
    run: repeat((stage, turn) => {
      const messages = [{ role: 'user', content: take(stage, turn, 1)[0] }]
      return ['POST', '/v1/chat/completions', { body: { model: 'film', messages } }]
    }),
  },
  {
    name: 'agent',
    scope: 'train',
    keys: 2,
    run: repeat((stage, turn) => {
      const reviews = take(stage, turn, 4)
      const calls = [call('list_trainings', {}), call('classify_reviews', { reviews, adapter: 'film' })]
      return ['POST', '/mcp', calls[turn % calls.length]]
    }),
  },
  { name: 'trainer', scope: 'train', keys: 2, run: train },
  {
    name: 'adapters',
    scope: 'train',
    keys: 2,
    run: repeat(({ id, archives }, turn) => {
      const name = `mixed-${id}`
      const steps: [string, string, Request?][] = [
        ['POST', `/v1/adapters?name=${name}`, { body: archives[1], headers: TAR_TYPE }],
        ['POST', '/v1/predictions', { body: { inputs: ['Fine.'], adapter: name } }],
        ['GET', `/v1/adapters/${name}/archive`],
        ['DELETE', `/v1/adapters/${name}`],
      ]
      return steps[turn % steps.length]
    }),
  },
  {
    name: 'reader',
    scope: 'predict',
    keys: 1,
    run: repeat((_, turn) => {
      const paths = [
        '/v1/adapters',
        '/v1/trainings',
        '/v1/datasets',
        '/v1/bases',
        '/openapi.json',
        '/metrics',
        '/healthz',
      ]
      return ['GET', paths[turn % paths.length]]
    }),
  },
  {
    name: 'rubbish',
    scope: 'train',
    keys: 2,
    run: repeat((stage, turn) => rubbish[(stage.id + turn) % rubbish.length](stage), false),
  },
]
