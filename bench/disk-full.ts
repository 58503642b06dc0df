/**
 * Runs trainings on a server whose disk is filled and freed at random moments, on each database. A supervisor starts
 * the server again whenever it exits. Then checks that nothing acknowledged was lost, that no artifact is missing or
 * damaged, that each adapter predicts, and that trainings that failed can be launched again.
 *
 *   npm run bench -- disk-full [--trainings 30] [--database both|embedded|postgres] [--seed 1] [--seconds 300]
 *
 * It mounts the disk in memory, and so needs root. On PostgreSQL, only the home folder and its artifacts are on that
 * disk. The PostgreSQL server is the one in GRAFT_TEST_POSTGRES, as for kill-matrix.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { makeRandom } from '../core/random.ts'
import { checkArtifacts, findLosses } from './check-acknowledged.ts'
import { makeArchives, makeDatasets, makeNotingClient, type NotingClient } from './noting-client.ts'
import { createScratchDatabase } from './scratch-database.ts'
import { superviseServer } from './supervised-server.ts'

const { values } = parseArgs({
  options: {
    trainings: { type: 'string', default: '30' },
    database: { type: 'string', default: 'both' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '300' },
  },
  args: process.argv.slice(3),
})
const MIB = 2 ** 20
const DISK_MIB = 400
const DATASETS = 6
const ADAPTERS = 6
/** Each fourth time, the disk stays full for much longer, and the embedded database uses up the files that it has. */
const LONG_EVERY = 4
/** The time that a server may take until it answers again after the disk was freed. */
const READY_WITHIN_MS = 120_000
/** The time that the trainings may take to end after the disk was freed for the last time. */
const END_WITHIN_MS = 900_000
const { uniform } = makeRandom(Number(values.seed), 'disk')
const run = (program: string, ...args: string[]) => execFileSync(program, args)

const archives = await makeArchives(ADAPTERS)
for (const database of values.database === 'both' ? ['embedded', 'postgres'] : [values.database])
  await runOnFullDisk(database, Number(values.trainings))

async function runOnFullDisk(name: string, count: number): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'graft-full-disk-'))
  run('mount', '-t', 'tmpfs', '-o', `size=${DISK_MIB}m,mode=700`, 'tmpfs', home)
  const database = await createScratchDatabase(name === 'postgres')
  const location = { home, databaseUrl: database.url }
  const started = performance.now()
  const faults: string[] = []
  const server = await superviseServer(location, `${home}.log`)
  if ((await server.waitUntilReady(READY_WITHIN_MS)) === undefined) throw new Error(`no server; see ${home}.log`)
  const client = makeNotingClient(server.url)
  const useUp = name === 'embedded' ? () => useUpLog(home) : async () => {}
  const filler = fillAtRandom(home, useUp, async () => {
    const ms = await server.waitUntilReady(READY_WITHIN_MS)
    if (ms === undefined) faults.push(`the server did not answer ${READY_WITHIN_MS / 1000} s after the disk was freed`)
    return ms ?? READY_WITHIN_MS
  })
  const working = sendWork(client, count).catch((error) => faults.push(error.message))
  const until = performance.now() + Number(values.seconds) * 1000
  const unfinished = async () => count - Object.keys(client.acknowledged.trainings).length + (await client.watch())
  while (performance.now() < until && (await unfinished()) > 0) await sleep(1000)
  const { fills, longestMs, freed } = await filler.stop()

  const end = performance.now() + END_WITHIN_MS
  const waitForAll = async () => {
    while ((await unfinished()) > 0) {
      if (performance.now() > end) return void faults.push(`${await unfinished()} trainings have not ended`)
      await sleep(1000)
    }
  }
  await waitForAll()
  client.stop()
  await working
  const ended = Object.entries(client.acknowledged.trainings)
  const failed = ended.filter(([, { status }]) => status === 'failed')
  const codes = failed.map(([, { error }]) => `${error?.code}: ${error?.detail}`)
  const again = makeNotingClient(server.url)
  for (const [each] of failed)
    await again.launch(`${each}-again`, settingsOf(each)).catch((e) => faults.push(e.message))
  while ((await again.watch()) > 0 && performance.now() < end) await sleep(1000)
  const repeated = Object.entries(again.acknowledged.trainings)
  for (const [each, { status, error }] of repeated)
    if (status !== 'succeeded') faults.push(`training ${each} is ${status}: ${error?.detail}`)
  for (const code of codes) if (!/disk|space/i.test(code)) faults.push(`a training failed with ${code}`)

  const { acknowledged, statuses } = client
  for (const status of Object.keys(statuses))
    if (status.endsWith('internal')) faults.push(`${statuses[status]} requests were answered with ${status}`)
  faults.push(...(await findLosses(server.url, acknowledged)))
  await server.stop()
  const artifacts = await checkArtifacts(location)
  faults.push(...artifacts.faults)
  await database.remove()
  run('umount', home)
  rmdirSync(home)
  if (faults.length === 0) rmSync(`${home}.log`)
  else process.exitCode = 1

  const table = {
    'disk filled': fills,
    'server exits': server.exits.length,
    'longest time from a freed disk to the next answer, s': Number((longestMs / 1000).toFixed(1)),
    'data sets, adapters acknowledged': Object.keys({ ...acknowledged.datasets, ...acknowledged.adapters }).length,
    'moves of an alias acknowledged': acknowledged.aliases.production?.moves ?? 0,
    'trainings acknowledged': ended.length,
    succeeded: ended.length - failed.length,
    failed: failed.length,
    'succeeded when launched again': repeated.filter(([, { status }]) => status === 'succeeded').length,
    'artifacts read': artifacts.count,
    faults: faults.length,
  }
  console.log(`\n${name}: ${((performance.now() - started) / 1000).toFixed(0)} s`)
  console.table(table)
  console.log(
    JSON.stringify({
      database: name,
      seed: Number(values.seed),
      ...table,
      statuses,
      exits: server.exits,
      freed,
      codes,
    }),
  )
  for (const fault of faults) console.log(`FAULT ${fault}`)
}

/** Returns the settings of a training. Each fifth one is long enough to save states. */
function settingsOf(name: string): object {
  const n = Number.parseInt(name, 10)
  const steps = n % 5 === 4 ? 120 : 20
  return { dataset: `data-${n % DATASETS}`, steps, seed: n, batch_tokens: 256, threads: 1, device: 'cpu' }
}

/** Uploads data sets and adapters and launches trainings, one after the other. */
async function sendWork(client: NotingClient, count: number): Promise<void> {
  const datasets = makeDatasets(DATASETS)
  let moving = Promise.resolve()
  for (let n = 0; n < count; n++) {
    if (n < DATASETS) await client.uploadDataset(`data-${n}`, datasets[n])
    await client.launch(`${n}-training`, settingsOf(`${n}`))
    if (n < ADAPTERS) await client.uploadAdapter(`adapter-${n}`, archives[n])
    // Small writes are not refused while the disk is full, until the database itself cannot store them.
    if (n === 1) moving = client.moveAlias('production', ['adapter-0', 'adapter-1']).catch(() => {})
    await sleep(4000 * uniform())
  }
  await moving
}

/**
 * Fills and frees a disk until it is stopped.
 * @param whenFull is called when the disk is full for a long time
 * @param whenFreed waits for the server and returns the milliseconds
 */
function fillAtRandom(folder: string, whenFull: () => Promise<void>, whenFreed: () => Promise<number>) {
  const path = join(folder, 'filler')
  let [fills, longestMs, isStopped] = [0, 0, false]
  const freed: number[] = []
  const fillOften = async () => {
    while (!isStopped) {
      await sleep(2000 + 8000 * uniform())
      if (isStopped) return
      const isLong = ++fills % LONG_EVERY === 0
      // A third of the times to the last byte, otherwise around the space that the server leaves free.
      const leave = isLong || uniform() < 1 / 3 ? 0 : Math.floor(80 * MIB * uniform())
      const until = performance.now() + (isLong ? 40_000 : 1000) + 9000 * uniform()
      fill(path, leave)
      const used = isLong ? whenFull() : undefined
      for (; performance.now() < until; await sleep(20)) fill(path, leave)
      await used
      rmSync(path)
      const ms = await whenFreed()
      freed.push(Math.round(ms))
      longestMs = Math.max(longestMs, ms)
    }
  }
  const running = fillOften()
  return {
    async stop() {
      isStopped = true
      await running
      return { fills, longestMs, freed }
    },
  }
}

/** Makes the embedded database write to its log until it stops, because it cannot extend the log. */
async function useUpLog(home: string): Promise<void> {
  const client = new pg.Client({ host: join(home, 'postgres/run'), user: 'graft', database: 'postgres' })
  // It reports the end of the connection as well.
  client.on('error', () => {})
  await client
    .connect()
    .then(() =>
      client.query(`select pg_logical_emit_message(false, 'x', repeat('x', 1000000)) from generate_series(1, 200)`),
    )
    .catch(() => {})
    .finally(() => client.end().catch(() => {}))
}

/** Appends to a file until the disk has this much free space. */
function fill(path: string, leave: number): void {
  const { bavail, bsize } = statfsSync(join(path, '..'))
  const file = openSync(path, 'a')
  try {
    for (let bytes = bavail * bsize - leave; bytes > 0; bytes -= MIB)
      writeSync(file, Buffer.alloc(Math.min(MIB, bytes)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    closeSync(file)
  }
}
