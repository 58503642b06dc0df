/**
 * Cuts the power of a server with the embedded database at random moments, as far as a program can: the home folder is
 * on a file system that knows which writes were flushed (bench/lossy-files.ts). At each moment it writes what a power
 * loss would leave: only what was flushed, or in every second case also a random half of the rest. Then it starts a
 * server on each of these folders, and checks that everything is there that had been acknowledged before, that no
 * artifact is missing or damaged, and that the server continues its trainings and accepts another one.
 *
 *   npm run bench -- power-loss [--homes 3] [--seed 1] [--ignore-flushes]
 *
 * Ten moments for each home, four of them in the seconds in which its database is created and opened. With
 * --ignore-flushes the disk lies, so everything acknowledged must be reported as lost. Needs root and /dev/fuse.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { makeRandom } from '../core/random.ts'
import type { TrainingList } from '../platform/schemas/trainings.ts'
import { checkArtifacts, findLosses } from './check-acknowledged.ts'
import {
  type Acknowledged,
  makeArchives,
  makeDatasets,
  makeNotingClient,
  type NotingClient,
  send,
} from './noting-client.ts'
import { superviseServer } from './supervised-server.ts'

const { values } = parseArgs({
  options: {
    homes: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    'ignore-flushes': { type: 'boolean', default: false },
  },
  args: process.argv.slice(3),
})
const EARLY = 4
const LATE = 6
const WAITING = 2
const READY_WITHIN_MS = 180_000
const END_WITHIN_MS = 300_000
const { uniform } = makeRandom(Number(values.seed), 'moments')
const settings = { steps: 15, batch_tokens: 256, threads: 1, device: 'cpu' }
const [archives, datasets] = [await makeArchives(4), makeDatasets(5)]

/** A folder that a power loss left. */
interface Loss {
  path: string
  kept: 'nothing' | 'half'
  seconds: number
  acknowledged: Acknowledged
}

const run = (program: string, ...args: string[]) => execFileSync(program, args)
const root = mkdtempSync(join(tmpdir(), 'graft-power-loss-'))
const log = join(root, 'log')
const totals: Record<string, Record<string, number>> = {}
let faults = 0
const started = performance.now()
for (let home = 0; home < Number(values.homes); home++)
  for (const loss of await losePowerOften(home)) faults += await checkAfterLoss(loss)
console.log(`\n${((performance.now() - started) / 1000).toFixed(0)} s`)
console.table(totals)
console.log(JSON.stringify({ seed: Number(values.seed), ...totals }))
if (faults > 0) process.exitCode = 1
else rmSync(root, { recursive: true })

/** Runs a server on a new home, and writes what is left of it at random moments. */
async function losePowerOften(home: number): Promise<Loss[]> {
  const disk = join(root, `disk-${home}`)
  mkdirSync(disk)
  const serving = await mountLossyDisk(disk)
  const server = await superviseServer({ home: join(disk, 'home'), databaseUrl: '' }, log)
  const client = makeNotingClient(server.url)
  const working = sendWork(client).catch(() => {})
  const losses: Loss[] = []
  const begun = performance.now()
  for (let moment = 0; moment < EARLY + LATE; moment++) {
    await sleep(moment < EARLY ? 100 + 1200 * uniform() : 5000 + 8000 * uniform())
    const path = join(root, `home-${home}-${moment}`)
    const kept = moment % 2 === 0 ? 'nothing' : 'half'
    const acknowledged = structuredClone(client.acknowledged)
    const request = { path, ...(kept === 'half' && { seed: home * 100 + moment }) }
    await writeFile(join(disk, '.power-loss'), JSON.stringify(request))
    losses.push({ path, kept, seconds: (performance.now() - begun) / 1000, acknowledged })
  }
  client.stop()
  await working
  await server.stop()
  run('umount', disk)
  if (serving.exitCode === null) await once(serving, 'exit')
  return losses
}

async function mountLossyDisk(folder: string): Promise<ChildProcess> {
  const args = [
    join(import.meta.dirname, 'lossy-disk.ts'),
    folder,
    ...(values['ignore-flushes'] ? ['ignore-flushes'] : []),
  ]
  const serving = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  while (!readFileSync('/proc/mounts', 'utf8').includes(` ${folder} fuse`)) {
    if (serving.exitCode !== null) throw new Error('the file system did not start')
    await sleep(50)
  }
  return serving
}

/** Uploads and launches until the client is stopped, with a few trainings waiting. */
async function sendWork(client: NotingClient): Promise<void> {
  for (let n = 0; ; n++) {
    if (n < datasets.length) await client.uploadDataset(`data-${n}`, datasets[n])
    if (n < archives.length) await client.uploadAdapter(`adapter-${n}`, archives[n])
    if (n === 1) client.moveAlias('production', ['adapter-0', 'adapter-1']).catch(() => {})
    await client.launch(`training-${n}`, { ...settings, dataset: `data-${n % datasets.length}`, seed: n })
    while ((await client.watch()) > WAITING) await sleep(200)
  }
}

/** Starts a server on what is left. @returns the number of faults */
async function checkAfterLoss({ path, kept, seconds, acknowledged }: Loss): Promise<number> {
  const location = { home: join(path, 'home'), databaseUrl: '' }
  const found: string[] = []
  const wasEmpty = !existsSync(join(location.home, 'postgres/data'))
  const server = await superviseServer(location, log)
  const readyMs = await server.waitUntilReady(READY_WITHIN_MS)
  if (readyMs === undefined) found.push(`the server did not start: ${server.exits}`)
  else {
    found.push(...(await findLosses(server.url, acknowledged)))
    const client = makeNotingClient(server.url)
    await client.uploadDataset('after', datasets[0]).catch((error) => found.push(error.message))
    await client.launch('after', { ...settings, dataset: 'after' }).catch((error) => found.push(error.message))
    found.push(...(await waitForTrainings(server.url)))
  }
  await server.stop()
  const artifacts = readyMs === undefined ? { count: 0, faults: [] } : await checkArtifacts(location)
  found.push(...artifacts.faults)
  const trainings = Object.values(acknowledged.trainings)
  const note = (name: string, valueAfter: (before: number) => number) => {
    totals[name] ??= { nothing: 0, half: 0 }
    totals[name][kept] = valueAfter(totals[name][kept])
  }
  const add = (name: string, value: number) => note(name, (before) => before + value)
  add('moments', 1)
  add('before there was a database', wasEmpty ? 1 : 0)
  add('acknowledged data sets', Object.keys(acknowledged.datasets).length)
  add('acknowledged adapters', Object.keys(acknowledged.adapters).length)
  add('acknowledged trainings', trainings.length)
  add('acknowledged moves of an alias', acknowledged.aliases.production?.moves ?? 0)
  add('of these seen as succeeded', trainings.filter(({ status }) => status === 'succeeded').length)
  add('artifacts read', artifacts.count)
  add('faults', found.length)
  note('longest start, s', (before) => Math.max(before, Math.round((readyMs ?? 0) / 1000)))
  process.stderr.write(
    `${path}, after ${seconds.toFixed(1)} s: ${trainings.length} trainings, ${found.length} faults\n`,
  )
  for (const fault of found) console.log(`FAULT ${path} (${kept} kept): ${fault}`)
  if (found.length === 0) rmSync(path, { recursive: true })
  return found.length
}

/** Waits until all trainings have ended. @returns those that did not succeed */
async function waitForTrainings(url: string): Promise<string[]> {
  for (const end = performance.now() + END_WITHIN_MS; ; await sleep(300)) {
    const answer = await send(`${url}/v1/trainings?limit=100`, {})
    if (answer?.status !== 200) return [`the trainings cannot be listed: ${JSON.stringify(answer?.body)}`]
    const { data } = answer.body as TrainingList
    const waiting = data.filter(({ status }) => ['queued', 'running'].includes(status))
    if (waiting.length > 0 && performance.now() < end) continue
    return data
      .filter(({ status }) => status !== 'succeeded')
      .map(({ name, status, error }) => `training ${name} is ${status}: ${error?.detail}`)
  }
}
