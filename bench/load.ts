/**
 * Puts `graft serve`, with a LoRA on the embedded base, under the load of many clients that each send one review at a
 * time. Prints the throughput, the latencies, the statuses of the responses, the memory of the server, and the latency
 * without load before and after.
 *
 *   npm run bench -- load [--data FILE] [--clients 200] [--seconds 60]
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { packageRoot } from '../core/entry.ts'
import { readExamples } from '../training/data/examples.ts'
import { imdb } from './imdb.ts'
import { memoryOf } from './process-memory.ts'
import { formatQuantiles } from './quantiles.ts'
import { startTable } from './table.ts'

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    data: { type: 'string', default: imdb.test },
    clients: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '60' },
  },
})
const [clients, seconds] = [Number(values.clients), Number(values.seconds)]
const graft = (...args: string[]) => [join(packageRoot, 'bin/graft.cjs'), ...args]
const folder = mkdtempSync(join(tmpdir(), 'graft-load-'))
const samples = join(packageRoot, 'samples/train.jsonl')
const { examples } = await readExamples(values.data)
const texts = examples.slice(0, 5000).map(({ text }) => text)

const trained = spawnSync(
  process.execPath,
  graft('train', '--data', samples, '--steps', '1', '--out', join(folder, 'film')),
)
if (trained.status !== 0) throw new Error(trained.stderr.toString())
const server = spawn(
  process.execPath,
  graft('serve', '--checkpoint', join(folder, 'film'), '--port', '0', '--no-worker'),
  { env: { ...process.env, GRAFT_HOME: join(folder, 'home'), DATABASE_URL: '' }, stdio: ['ignore', 'pipe', 'ignore'] },
)
try {
  const url = await new Promise<string>((resolve) => server.stdout.once('data', (line) => resolve(String(line).trim())))
  const predict = async (i: number) => {
    const started = performance.now()
    const response = await fetch(`${url}/v1/predictions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ inputs: [texts[i % texts.length]], adapter: 'film' }),
    })
    await response.arrayBuffer()
    return { status: response.status, ms: performance.now() - started, retry: response.headers.get('retry-after') }
  }
  const residentBytes = () => memoryOf(server.pid as number, 'VmRSS')
  const measureWithoutLoad = async () => {
    const times = []
    for (let i = 0; i < 40; i++) times.push((await predict(i)).ms)
    return times.slice(10)
  }

  const before = await measureWithoutLoad()
  const statuses = new Map<number, number>()
  const latencies: number[] = []
  const resident: number[] = []
  const end = performance.now() + seconds * 1000
  const runClient = async (id: number) => {
    for (let i = id; performance.now() < end; i += clients) {
      const { status, ms, retry } = await predict(i)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status === 200) latencies.push(ms)
      else if (retry) await sleep(1000 * Number(retry))
    }
  }
  const watchMemory = async () => {
    for (; performance.now() < end; await sleep(1000)) resident.push(residentBytes())
  }
  await Promise.all([watchMemory(), ...Array.from({ length: clients }, (_, id) => runClient(id))])
  const after = await measureWithoutLoad()

  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`
  const row = startTable(`${clients} clients, ${seconds} s`, '')
  row('answers', [...statuses].map(([status, count]) => `${status}: ${count.toLocaleString('en')}`).join(', '))
  row('reviews a second', (latencies.length / seconds).toFixed(1))
  row('latency, p50 / p95 / p99', formatQuantiles(latencies))
  row('one review at a time, before the load', formatQuantiles(before))
  row('one review at a time, after the load', formatQuantiles(after))
  const third = Math.floor(resident.length / 3)
  row(
    'memory after a third, at the end, at most',
    [resident[third], resident.at(-1) ?? 0, Math.max(...resident)].map(megabytes).join(', '),
  )
} finally {
  server.kill('SIGTERM')
  await new Promise((resolve) => server.once('exit', resolve))
  rmSync(folder, { recursive: true, force: true })
}
