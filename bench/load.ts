import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { packageRoot } from '../core/entry.ts'
import { readReviews } from '../training/data/examples.ts'

/**
 * npm run bench -- load --data FILE: many clients at once, each with one review at a time, against `graft serve` on the embedded base with a
 * LoRA. Tells throughput, latencies, every status that came, the server's memory, and how fast one review is answered before and after.
 */
const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    data: { type: 'string' },
    clients: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '60' },
  },
})
const [clients, seconds] = [Number(values.clients), Number(values.seconds)]
const graft = (...args: string[]) => [join(packageRoot, 'dist/cli/main.js'), ...args]
const place = mkdtempSync(join(tmpdir(), 'graft-load-'))
const samples = join(packageRoot, 'samples/train.jsonl')
const { reviews } = await readReviews(values.data ?? samples)
const texts = reviews.slice(0, 5000).map(({ text }) => text)

const trained = spawnSync(
  process.execPath,
  graft('train', '--data', samples, '--steps', '1', '--out', join(place, 'film')),
)
if (trained.status !== 0) throw new Error(trained.stderr.toString())
const server = spawn(
  process.execPath,
  graft('serve', '--checkpoint', join(place, 'film'), '--port', '0', '--no-worker'),
  { env: { ...process.env, GRAFT_HOME: join(place, 'home'), DATABASE_URL: '' }, stdio: ['ignore', 'pipe', 'ignore'] },
)
try {
  const url = await new Promise<string>((resolve) => server.stdout.once('data', (line) => resolve(String(line).trim())))
  const ask = async (i: number) => {
    const begun = performance.now()
    const response = await fetch(`${url}/v1/predictions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ inputs: [texts[i % texts.length]], adapter: 'film' }),
    })
    await response.arrayBuffer()
    return { status: response.status, ms: performance.now() - begun, retry: response.headers.get('retry-after') }
  }
  /** Resident bytes of the server. */
  const memory = () =>
    1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1] ?? 0)
  const alone = async () => {
    const times = []
    for (let i = 0; i < 40; i++) times.push((await ask(i)).ms)
    return times.slice(10)
  }

  const before = await alone()
  const statuses = new Map<number, number>()
  const latencies: number[] = []
  const resident: number[] = []
  const end = performance.now() + seconds * 1000
  const client = async (id: number) => {
    for (let i = id; performance.now() < end; i += clients) {
      const { status, ms, retry } = await ask(i)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status === 200) latencies.push(ms)
      else if (retry) await sleep(1000 * Number(retry))
    }
  }
  const watch = async () => {
    for (; performance.now() < end; await sleep(1000)) resident.push(memory())
  }
  await Promise.all([watch(), ...Array.from({ length: clients }, (_, id) => client(id))])
  const after = await alone()

  const at = (times: number[], share: number) => times.toSorted((a, b) => a - b)[Math.floor(share * (times.length - 1))]
  const shown = (times: number[]) => [0.5, 0.95, 0.99].map((share) => `${at(times, share).toFixed(0)} ms`).join(' / ')
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`
  console.log(
    `memory: ${resident
      .filter((_, i) => i % 10 === 0)
      .map(megabytes)
      .join(', ')}`,
  )
  const third = Math.floor(resident.length / 3)
  console.log(`${clients} clients, ${seconds} s: ${(latencies.length / seconds).toFixed(1)} reviews/s`)
  console.log(`statuses: ${[...statuses].map(([status, count]) => `${status}: ${count}`).join(', ')}`)
  console.log(`latency, p50 / p95 / p99: ${shown(latencies)}`)
  console.log(`one review at a time, before: ${shown(before)}; after: ${shown(after)}`)
  console.log(
    `memory after a third: ${megabytes(resident[third])}; at the end: ${megabytes(resident.at(-1) ?? 0)}; most: ${megabytes(Math.max(...resident))}`,
  )
} finally {
  server.kill('SIGTERM')
  await new Promise((resolve) => server.once('exit', resolve))
  rmSync(place, { recursive: true, force: true })
}
