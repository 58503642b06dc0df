import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../core/entry.ts'
import { openPlatform } from '../platform/open-platform.ts'
import { ensureAdapter } from '../platform/use-cases/adapters.ts'
import { createKey } from '../platform/use-cases/keys.ts'
import { httpEvent, startInstance } from './function-platform.ts'
import { layOut } from './laid-out.ts'
import { databaseFor } from './scratch-database.ts'

/**
 * npm run bench -- cold-start [--runs N]: seconds from the start of a process to its first prediction, and its memory then and at most, of `graft
 * serve` and of the function, as an image or a function has them laid out. Needs PostgreSQL, as the tests do.
 */
const { values } = parseArgs({ args: process.argv.slice(3), options: { runs: { type: 'string', default: '5' } } })
const runs = Number(values.runs)
const place = mkdtempSync(join(tmpdir(), 'graft-cold-start-'))
const laidOut = layOut()
const film = join(place, 'film')
const samples = join(packageRoot, 'samples/train.jsonl')
const main = join(packageRoot, 'dist/cli/main.js')
const trained = spawnSync(process.execPath, [main, 'train', '--data', samples, '--steps', '1', '--out', film])
if (trained.status !== 0) throw new Error(trained.stderr.toString())

const body = JSON.stringify({ inputs: ['A joy from start to finish.'], adapter: 'film' })

interface Start {
  ms: number
  /** Seconds of processor time until then, which a busy machine lengthens less. */
  processor: number
  /** Resident megabytes after the first answer, and at most until then. */
  resident: number
  most: number
  /** Milliseconds of each of twenty requests that followed. */
  warm: number[]
}

/** @param ask resolves with the status of a prediction; rejects as long as nobody answers */
async function measured(pid: number, began: number, ask: () => Promise<number>): Promise<Start> {
  const answer = async () => {
    const status = await ask()
    if (status !== 200) throw new Error(`expected 200, found ${status}`)
  }
  await answer()
  const ms = performance.now() - began
  const processor = processorSeconds(pid)
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (name: string) => (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6
  const warm = []
  for (let i = 0; i < 20; i++) {
    const before = performance.now()
    await answer()
    warm.push(performance.now() - before)
  }
  return { ms, processor, resident: megabytes('VmRSS'), most: megabytes('VmHWM'), warm }
}

/** In proc(5) it is fields 14 and 15, in hundredths; the name before them may hold blanks. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function serveOnce(env: Record<string, string>, key = ''): Promise<Start> {
  const began = performance.now()
  const child = laidOut.node([join(laidOut.graft, 'dist/cli/main.js'), 'serve', '--port', '0', '--no-worker'], env)
  child.stderr?.resume()
  const url = await new Promise<string>((resolve) => child.stdout?.once('data', (line) => resolve(String(line).trim())))
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const ask = async () => {
    const response = await fetch(`${url}/v1/predictions`, { method: 'POST', headers, body })
    await response.arrayBuffer()
    return response.status
  }
  const start = await measured(child.pid as number, began, ask)
  child.kill('SIGTERM')
  await new Promise((resolve) => child.once('exit', resolve))
  return start
}

async function functionOnce(env: Record<string, string>, key: string): Promise<Start> {
  const began = performance.now()
  const instance = await startInstance(laidOut, env)
  const event = httpEvent('POST', '/v1/predictions', { headers: { authorization: `Bearer ${key}` }, body })
  const start = await measured(instance.pid, began, async () => (await instance.invoke(event)).statusCode)
  await instance.end()
  return start
}

async function report(name: string, once: () => Promise<Start>): Promise<void> {
  const starts: Start[] = []
  for (let i = 0; i < runs; i++) starts.push(await once())
  const middle = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
  const of = (field: Exclude<keyof Start, 'warm'>) => starts.map((start) => start[field])
  console.log(
    `${name}: first prediction after ${(middle(of('ms')) / 1000).toFixed(2)} s (${starts.map(({ ms }) => (ms / 1000).toFixed(2)).join(', ')}), ${middle(of('processor')).toFixed(2)} s of processor time; ` +
      `then one in ${middle(starts.flatMap(({ warm }) => warm)).toFixed(1)} ms; memory ${middle(of('resident')).toFixed(0)} MB, at most ${middle(of('most')).toFixed(0)} MB`,
  )
}

const pathsIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path))

/** A new folder in `place`. */
function fresh(name: string): string {
  const folder = join(place, name)
  mkdirSync(folder)
  return folder
}

/** Whoever runs the laid out files may write there. */
function opened(folder: string): string {
  for (const path of [folder, ...pathsIn(folder)]) chmodSync(path, 0o777)
  return folder
}

const { url, remove } = await databaseFor(true)
try {
  chmodSync(place, 0o755)
  const bytes = pathsIn(laidOut.graft).reduce((sum, path) => sum + statSync(path).size, 0)
  console.log(`files: ${(bytes / 1e6).toFixed(0)} MB, Node not among them`)
  const prepared = async (databaseUrl: string, home: string) => {
    const platform = await openPlatform({ databaseUrl, home, artifacts: join(home, 'artifacts') })
    await ensureAdapter(platform, film)
    return platform
  }
  const embedded = fresh('embedded')
  await (await prepared('', embedded)).close()
  opened(embedded)
  await report('graft serve, embedded', () => serveOnce({ GRAFT_HOME: embedded }))

  const shared = fresh('shared')
  const platform = await prepared(url, shared)
  const { secret } = await createKey(platform, { name: 'bench', scopes: ['admin'] })
  await platform.close()
  opened(shared)
  let made = 0
  /** Each with a home in which there is nothing yet, so that the adapter is fetched and unpacked. */
  const env = () => ({
    DATABASE_URL: url,
    GRAFT_ARTIFACTS: join(shared, 'artifacts'),
    GRAFT_HOME: opened(fresh(`home-${made++}`)),
  })
  await report('graft serve, PostgreSQL', () => serveOnce(env(), secret))
  await report('function, PostgreSQL', () => functionOnce(env(), secret))
} finally {
  await remove()
  laidOut.remove()
  rmSync(place, { recursive: true, force: true })
}
