/**
 * Measures the cold start of `graft predict`, of `graft serve` and of the function, from the files of an image: seconds
 * from the start of the process to its first prediction, and the memory that it takes. `graft predict` is measured to
 * its end. Needs PostgreSQL, as the tests do.
 *
 *   npm run bench -- cold-start [--runs 5]
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../core/entry.ts'
import { openPlatform } from '../platform/open-platform.ts'
import { ensureAdapter } from '../platform/use-cases/adapters.ts'
import { createKey } from '../platform/use-cases/keys.ts'
import { createDeployment } from './deployment.ts'
import { httpEvent, startInstance } from './function-platform.ts'
import { cpuSecondsOf } from './invoke-until-done.ts'
import { memoryOf } from './process-memory.ts'
import { formatRange, quantile } from './quantiles.ts'
import { createScratchDatabase } from './scratch-database.ts'
import { startTable } from './table.ts'

const { values } = parseArgs({ args: process.argv.slice(3), options: { runs: { type: 'string', default: '5' } } })
const runs = Number(values.runs)
const root = mkdtempSync(join(tmpdir(), 'graft-cold-start-'))
const deployment = createDeployment()
const film = join(root, 'film')
const samples = join(packageRoot, 'samples/train.jsonl')
const main = join(packageRoot, 'bin/graft.cjs')
const trained = spawnSync(process.execPath, [main, 'train', '--data', samples, '--steps', '1', '--out', film])
if (trained.status !== 0) throw new Error(trained.stderr.toString())

const body = JSON.stringify({ inputs: ['A joy from start to finish.'], adapter: 'film' })

const row = startTable('', 'seconds, range', 'processor time, s', 'then for each prediction, ms', 'memory at most, MB')

interface Start {
  /** Milliseconds from the start of the process to the first response. */
  ms: number
  /** Seconds of processor time until the first response. A busy machine changes them less than `ms`. */
  cpuSeconds: number
  /** The highest resident megabytes until the first response. */
  peak: number
  /** Milliseconds of each of the twenty requests after the first. */
  warm: number[]
}

/**
 * Measures a process that was just started.
 * @param predict requests a prediction and returns the status of the response
 */
async function measureStart(pid: number, started: number, predict: () => Promise<number>): Promise<Start> {
  const requireOk = async () => {
    const status = await predict()
    if (status !== 200) throw new Error(`expected status 200, but found ${status}`)
  }
  await requireOk()
  const ms = performance.now() - started
  const cpuSeconds = cpuSecondsOf(pid)
  const peak = memoryOf(pid, 'VmHWM') / 1e6
  const warm = []
  for (let i = 0; i < 20; i++) {
    const before = performance.now()
    await requireOk()
    warm.push(performance.now() - before)
  }
  return { ms, cpuSeconds, peak, warm }
}

async function startServer(env: Record<string, string>, key = ''): Promise<Start> {
  const started = performance.now()
  const child = deployment.startNode(
    [join(deployment.graft, 'bin/graft.cjs'), 'serve', '--port', '0', '--no-worker'],
    env,
  )
  child.stderr?.resume()
  const url = await new Promise<string>((resolve) => child.stdout?.once('data', (line) => resolve(String(line).trim())))
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const predict = async () => {
    const response = await fetch(`${url}/v1/predictions`, { method: 'POST', headers, body })
    await response.arrayBuffer()
    return response.status
  }
  const start = await measureStart(child.pid as number, started, predict)
  child.kill('SIGTERM')
  await new Promise((resolve) => child.once('exit', resolve))
  return start
}

async function startFunction(env: Record<string, string>, key: string): Promise<Start> {
  const started = performance.now()
  const instance = await startInstance(deployment, env)
  const event = httpEvent('POST', '/v1/predictions', { headers: { authorization: `Bearer ${key}` }, body })
  const start = await measureStart(instance.pid, started, async () => (await instance.invoke(event)).statusCode)
  await instance.end()
  return start
}

/** Measures `graft predict` from the start of the process to its end. */
function printPredict(): void {
  const seconds = Array.from({ length: runs }, () => {
    const started = performance.now()
    const { status, stderr } = spawnSync(process.execPath, [main, 'predict', '--checkpoint', film, 'A joy.'])
    if (status !== 0) throw new Error(stderr.toString())
    return (performance.now() - started) / 1000
  })
  row('`graft predict`, to its end', formatRange(seconds), '', '', '')
}

async function printStarts(name: string, start: () => Promise<Start>): Promise<void> {
  const starts: Start[] = []
  for (let i = 0; i < runs; i++) starts.push(await start())
  const median = (numbers: number[]) => quantile(numbers, 0.5)
  row(
    name,
    formatRange(starts.map(({ ms }) => ms / 1000)),
    median(starts.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2),
    median(starts.flatMap(({ warm }) => warm)).toFixed(1),
    Math.round(median(starts.map(({ peak }) => peak))),
  )
}

const pathsIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path))

/** Creates a folder in `root`. */
function createFolder(name: string): string {
  const folder = join(root, name)
  mkdirSync(folder)
  return folder
}

/** Gives the folder to the user of the deployment, because PostgreSQL refuses the files of another one. */
function giveToUser(folder: string): string {
  if (process.getuid?.() === 0) spawnSync('chown', ['-R', '1000:1000', folder])
  return folder
}

const { url, remove } = await createScratchDatabase(true)
try {
  chmodSync(root, 0o755)
  const bytes = pathsIn(deployment.graft).reduce((sum, path) => sum + lstatSync(path).size, 0)
  console.log(`files: ${(bytes / 1e6).toFixed(0)} MB, without Node`)
  const preparePlatform = async (databaseUrl: string, home: string) => {
    const platform = await openPlatform({ databaseUrl, home, artifacts: join(home, 'artifacts') })
    await ensureAdapter(platform, film)
    return platform
  }
  const embedded = createFolder('embedded')
  await (await preparePlatform('', embedded)).close()
  giveToUser(embedded)
  printPredict()
  await printStarts('`graft serve` on a home that exists', () => startServer({ GRAFT_HOME: embedded }))

  const shared = createFolder('shared')
  const platform = await preparePlatform(url, shared)
  const { secret } = await createKey(platform, { name: 'bench', scopes: ['admin'] })
  await platform.close()
  giveToUser(shared)
  let homes = 0
  /** Returns an environment with an empty home folder, so that the adapter is downloaded and unpacked. */
  const env = () => ({
    DATABASE_URL: url,
    GRAFT_ARTIFACTS: join(shared, 'artifacts'),
    GRAFT_HOME: giveToUser(createFolder(`home-${homes++}`)),
  })
  await printStarts('`graft serve` on PostgreSQL, without a cached adapter', () => startServer(env(), secret))
  await printStarts('the function, likewise', () => startFunction(env(), secret))
} finally {
  await remove()
  deployment.remove()
  rmSync(root, { recursive: true, force: true })
}
