/**
 * Puts `graft serve`, with its worker, under a mixed load: clients that predict, upload, train, list, speak MCP and
 * OpenAI's shape, and clients that send rubbish. Meanwhile an innocent client with a key of its own asks for one
 * prediction at a time. Prints the statuses, and the latencies of the innocent without and with load.
 *
 *   npm run bench -- mixed-load [--data FILE] [--clients 100] [--seconds 60] [--only ACTOR]
 *
 * Exits with 1 if a response is neither 2xx, 3xx, 4xx nor 507, if one is missing, or if the server ended.
 */
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { packageRoot } from '../core/entry.ts'
import { readExamples } from '../training/data/examples.ts'
import { type Answer, type KeyedClient, makeKeyedClient } from './keyed-client.ts'
import { actors as allActors, type Stage } from './mixed-actors.ts'
import { makeArchives, makeDatasets } from './noting-client.ts'
import { formatQuantiles, quantile } from './quantiles.ts'
import { superviseServer } from './supervised-server.ts'

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    data: { type: 'string' },
    clients: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '60' },
    only: { type: 'string' },
  },
})
const [clients, seconds] = [Number(values.clients), Number(values.seconds)]
const actors = allActors.filter(({ name }) => values.only === undefined || name === values.only)
const QUIET_REQUESTS = 300
/** A review a second, fewer than the server can answer to each key when all are busy. */
const INNOCENT_PAUSE_MS = 1000
const READY_WITHIN_MS = 60_000
const HARMLESS = [507, ...Array.from({ length: 300 }, (_, i) => 200 + i)]

const folder = await mkdtemp(join(tmpdir(), 'graft-mixed-load-'))
const { examples } = await readExamples(values.data ?? join(packageRoot, 'samples/train.jsonl'))
const texts = examples.slice(0, 5000).map(({ text }) => text)
const [archives, datasets] = [await makeArchives(2), makeDatasets(10)]
const server = await superviseServer({ home: join(folder, 'home'), databaseUrl: '' }, join(folder, 'log'))

try {
  await server.waitUntilReady(READY_WITHIN_MS)
  let admin = makeKeyedClient(server.url, '')
  const keyOf = async (name: string, scope: string): Promise<KeyedClient> => {
    const { body } = await admin.send('POST', '/v1/keys', { body: { name, scopes: [scope] } })
    return makeKeyedClient(server.url, body.secret)
  }
  admin = await keyOf('admin', 'admin')
  const innocent = await keyOf('innocent', 'predict')
  const headers = { 'content-type': 'application/x-tar' }
  await admin.send('POST', '/v1/adapters?name=film', { body: archives[0], headers })

  const statuses = new Map<string, number>()
  const faults: string[] = []
  const note = (actor: string, { status, code, body }: Answer) => {
    const name = `${status || 'none'}${code ? ` ${code}` : ''}`
    statuses.set(name, (statuses.get(name) ?? 0) + 1)
    if (!HARMLESS.includes(status)) faults.push(`${actor}: ${name} ${JSON.stringify(body)}`)
  }
  let asked = 0
  const ask = async () => {
    const began = performance.now()
    const inputs = [texts[asked++ % texts.length]]
    const answer = await innocent.send('POST', '/v1/predictions', { body: { inputs, adapter: 'film' } })
    if (answer.status !== 200) faults.push(`innocent: ${answer.status} ${JSON.stringify(answer.body)}`)
    return performance.now() - began
  }
  const measureQuiet = async () => {
    const times = []
    for (let i = 0; i < QUIET_REQUESTS; i++) times.push(await ask())
    return times.slice(QUIET_REQUESTS / 6)
  }

  const quiet = await measureQuiet()
  const end = performance.now() + 1000 * seconds
  const loaded: number[] = []
  const beInnocent = async () => {
    for (; performance.now() < end; await sleep(INNOCENT_PAUSE_MS)) loaded.push(await ask())
  }
  const act = async (i: number) => {
    const { name, scope, keys, run } = actors[i % actors.length]
    // Some clients share a key.
    const client = await clientOf(`${name}-${Math.floor(i / actors.length) % keys}`, scope)
    const stage: Stage = {
      client,
      texts,
      archives,
      datasets,
      id: i,
      isOver: () => performance.now() > end,
    }
    await run({ ...stage, note: (answer) => note(name, answer) })
  }
  const keyring = new Map<string, Promise<KeyedClient>>()
  const clientOf = (name: string, scope: string) => {
    const client = keyring.get(name) ?? keyOf(name, scope)
    keyring.set(name, client)
    return client
  }
  await Promise.all([beInnocent(), ...Array.from({ length: clients }, (_, i) => act(i))])
  const after = await measureQuiet()

  console.log(
    `statuses: ${[...statuses]
      .sort()
      .map(([status, count]) => `${status}: ${count}`)
      .join(', ')}`,
  )
  console.log(`innocent, p50 / p95 / p99 of ${quiet.length} without load: ${formatQuantiles(quiet)}`)
  console.log(`innocent, p50 / p95 / p99 of ${loaded.length} with ${clients} clients: ${formatQuantiles(loaded)}`)
  console.log(`innocent, p50 / p95 / p99 of ${after.length} afterwards: ${formatQuantiles(after)}`)
  console.log(`p99 with load / without: ${(quantile(loaded, 0.99) / quantile(quiet, 0.99)).toFixed(1)}`)
  for (const fault of [...new Set(faults)].slice(0, 20)) console.log(`fault: ${fault.slice(0, 500)}`)
  console.log(`faults: ${faults.length}; the server ended ${server.exits.length} times`)
  process.exitCode = faults.length + server.exits.length === 0 ? 0 : 1
} finally {
  await server.stop()
  rmSync(folder, { recursive: true })
}
