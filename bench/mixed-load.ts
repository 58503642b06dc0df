/**
 * Puts `graft serve`, with its worker, under a mixed load: clients that predict, upload, train, list, speak MCP and
 * OpenAI's shape, and clients that send rubbish. Meanwhile innocent clients, each with a key of its own, ask for a
 * prediction every two seconds. Prints the statuses, and the latencies of the innocent without and with load.
 *
 *   npm run bench -- mixed-load [--data FILE] [--clients 100] [--seconds 60] [--only ACTOR]
 *
 * Exits with 1 if a response is neither 2xx, 3xx, 4xx nor 507, if one is missing, or if the server ended.
 */
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readExamples } from '../training/data/examples.ts'
import { imdb } from './imdb.ts'
import { type Innocent, startInnocent } from './innocent.ts'
import { type Answer, type KeyedClient, makeKeyedClient } from './keyed-client.ts'
import { actors as allActors, type Stage } from './mixed-actors.ts'
import { makeArchives, makeDatasets } from './noting-client.ts'
import { formatQuantiles, quantile } from './quantiles.ts'
import { superviseServer } from './supervised-server.ts'
import { startTable } from './table.ts'

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    data: { type: 'string', default: imdb.test },
    clients: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '60' },
    only: { type: 'string' },
  },
})
const [clients, seconds] = [Number(values.clients), Number(values.seconds)]
const actors = allActors.filter(({ name }) => values.only === undefined || name === values.only)
const QUIET_REQUESTS = 300
/** Enough for the 99th percentile of a minute. */
const INNOCENTS = 4
const READY_WITHIN_MS = 60_000
const NICENESS = 10
const HARMLESS = [507, ...Array.from({ length: 300 }, (_, i) => 200 + i)]

const folder = await mkdtemp(join(tmpdir(), 'graft-mixed-load-'))
const { examples } = await readExamples(values.data)
const texts = examples.slice(0, 5000).map(({ text }) => text)
const [archives, datasets] = [await makeArchives(2), makeDatasets(10)]
const server = await superviseServer({ home: join(folder, 'home'), databaseUrl: '' }, join(folder, 'log'))

try {
  await server.waitUntilReady(READY_WITHIN_MS)
  let admin = makeKeyedClient(server.url, '')
  const secretOf = async (name: string, scope: string): Promise<string> =>
    (await admin.send('POST', '/v1/keys', { body: { name, scopes: [scope] } })).body.secret
  const keyOf = async (name: string, scope: string): Promise<KeyedClient> =>
    makeKeyedClient(server.url, await secretOf(name, scope))
  admin = await keyOf('admin', 'admin')
  const innocents: Innocent[] = []
  for (let i = 0; i < INNOCENTS; i++)
    innocents.push(startInnocent(server.url, await secretOf(`innocent-${i}`, 'predict'), texts.slice(97 * i)))
  const headers = { 'content-type': 'application/x-tar' }
  await admin.send('POST', '/v1/adapters?name=film', { body: archives[0], headers })

  const statuses = new Map<string, number>()
  const faults: string[] = []
  const note = (actor: string, { status, code, body }: Answer) => {
    const name = `${status || 'none'}${code ? ` ${code}` : ''}`
    statuses.set(name, (statuses.get(name) ?? 0) + 1)
    if (!HARMLESS.includes(status)) faults.push(`${actor}: ${name} ${JSON.stringify(body)}`)
  }
  const measureQuiet = async () => (await innocents[0].measureQuiet(QUIET_REQUESTS)).slice(QUIET_REQUESTS / 6)

  const quiet = await measureQuiet()
  const end = performance.now() + 1000 * seconds
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
  // These clients share the processor with the server; a hundred clients elsewhere would not. The innocents have
  // started in threads that keep their priority.
  setPriority(NICENESS)
  const load = Promise.all(Array.from({ length: clients }, (_, i) => act(i)))
  const loaded = (await Promise.all(innocents.map((innocent) => innocent.measureLoaded(seconds)))).flat()
  await load
  const after = await measureQuiet()

  faults.push(...innocents.flatMap((innocent) => innocent.faults))
  await Promise.all(innocents.map((innocent) => innocent.stop()))

  const row = startTable(`${clients} clients, ${seconds} s`, '')
  row(
    'answers',
    [...statuses]
      .sort()
      .map(([status, count]) => `${status}: ${count.toLocaleString('en')}`)
      .join(', '),
  )
  row('faults', `${faults.length}; the server ended ${server.exits.length} times`)
  row(`an innocent, p50 / p95 / p99 of ${quiet.length}, without load`, formatQuantiles(quiet))
  row(`an innocent, p50 / p95 / p99 of ${loaded.length}, with load`, formatQuantiles(loaded))
  row(`an innocent, p50 / p95 / p99 of ${after.length}, afterwards`, formatQuantiles(after))
  row('p99 with load / without', (quantile(loaded, 0.99) / quantile(quiet, 0.99)).toFixed(1))
  for (const fault of [...new Set(faults)].slice(0, 20)) console.log(`fault: ${fault.slice(0, 500)}`)
  process.exitCode = faults.length + server.exits.length === 0 ? 0 : 1
} finally {
  await server.stop()
  rmSync(folder, { recursive: true })
}
