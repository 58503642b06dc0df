/**
 * Runs trainings on a platform while its processes and connections are killed at random moments, on each database. Then
 * checks that every training succeeded once, with the same bytes as without kills, that every event was recorded once,
 * and that nothing acknowledged was lost.
 *
 *   npm run bench -- kill-matrix [--trainings 30] [--database both|embedded|postgres] [--seed 1]
 *
 * The PostgreSQL server is the one in GRAFT_TEST_POSTGRES, which defaults to postgres://postgres@127.0.0.1:5432/test. A
 * database is created there and dropped at the end.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { makeRandom } from '../core/random.ts'
import { checkTrainings, digestsWithoutKills, prepareLaunches } from './kill-matrix-check.ts'
import type { Launch } from './kill-matrix-process.ts'
import { type RestartingProcess, startRestartingProcess } from './restarting-process.ts'
import { createScratchDatabase, killConnections } from './scratch-database.ts'

const { values } = parseArgs({
  options: {
    trainings: { type: 'string', default: '30' },
    database: { type: 'string', default: 'both' },
    seed: { type: 'string', default: '1' },
  },
  args: process.argv.slice(3),
})
const { uniform, integer } = makeRandom(Number(values.seed), 'kills')

const digests = await digestsWithoutKills()
let failed = false
for (const database of values.database === 'both' ? ['embedded', 'postgres'] : [values.database]) {
  await runMatrix(database === 'postgres', Number(values.trainings))
  if (database === 'postgres') await runTakeover()
}
process.exitCode = failed ? 1 : 0

/** Kills until all trainings have ended, then checks them. */
async function runMatrix(onPostgres: boolean, count: number): Promise<void> {
  const location = await createLocation(onPostgres)
  const launches = await prepareLaunches(location, count)
  const started = performance.now()
  const workers = onPostgres ? [startRestartingProcess(location, true), startRestartingProcess(location, true)] : []
  // With the embedded database, one process is the API and the worker, as with graft serve.
  const launcher = startRestartingProcess(location, !onPostgres)
  const killed: Record<string, number> = {}
  const acknowledged = new Map<string, string>()
  const launching = launchAll(launcher, launches, acknowledged)
  const targets = onPostgres
    ? ['launcher', 'worker', 'training process', 'connections']
    : ['process', 'training process']
  let unfinished = count
  while (unfinished > 0) {
    // The pause is usually long enough for a training to start and to save a state, because six failed attempts without
    // a new state fail the training.
    await sleep(3000 + 9000 * uniform())
    const target = targets[integer(targets.length)]
    const worker = workers.length > 0 ? workers[integer(workers.length)] : launcher
    if (await kill(target, worker, launcher, location.databaseUrl)) killed[target] = (killed[target] ?? 0) + 1
    if (acknowledged.size < count) continue
    unfinished = (await launcher.request({ unfinished: true })).unfinished ?? unfinished
    process.stderr.write(`${unfinished} unfinished\n`)
  }
  await launching
  await Promise.all([...workers, launcher].map((each) => each.stop()))
  const { table, faults } = await checkTrainings(location, launches, acknowledged, digests)
  failed ||= faults.length > 0
  const kills = Object.entries(killed).map(([target, times]) => `${target} ${times}`)
  console.log(
    `\n${onPostgres ? 'PostgreSQL' : 'embedded'}: ${count} trainings in ${((performance.now() - started) / 1000).toFixed(0)} s`,
  )
  console.log(`killed: ${kills.join(', ')}`)
  console.table(table)
  for (const line of faults) console.log(`FAULT ${line}`)
  await location.remove()
}

async function launchAll(
  launcher: RestartingProcess,
  launches: readonly Launch[],
  acknowledged: Map<string, string>,
): Promise<void> {
  for (const launch of launches) {
    const { id } = await launcher.request({ launch })
    acknowledged.set(launch.key, id as string)
    await sleep(1000 * uniform())
  }
}

/** Kills a process or all connections. @returns whether there was one */
async function kill(
  target: string,
  worker: RestartingProcess,
  launcher: RestartingProcess,
  databaseUrl: string,
): Promise<boolean> {
  if (target === 'connections') return killConnections(databaseUrl)
  if (target === 'training process') return worker.killTrainingProcess()
  return (target === 'worker' ? worker : launcher).kill()
}

/** Kills one of two workers that share ten trainings, and starts it again as a supervisor would. */
async function runTakeover(): Promise<void> {
  const location = await createLocation(true)
  const launches = await prepareLaunches(location, 10)
  const workers = [startRestartingProcess(location, true), startRestartingProcess(location, true)]
  const launcher = startRestartingProcess(location, false)
  const acknowledged = new Map<string, string>()
  await launchAll(launcher, launches, acknowledged)
  await sleep(3000)
  await workers[0].kill()
  while ((await launcher.request({ unfinished: true })).unfinished) await sleep(300)
  await Promise.all([...workers, launcher].map((each) => each.stop()))
  const { table, faults, delays } = await checkTrainings(location, launches, acknowledged, digests)
  if (delays.length !== 1 || delays[0] > 30)
    faults.push(`the training of the killed worker continued after ${delays} s`)
  failed ||= faults.length > 0
  console.log(
    `\ntwo workers, 10 trainings, one worker killed: its training continued after ${delays.map((s) => s.toFixed(1))} s`,
  )
  console.table(table)
  for (const line of faults) console.log(`FAULT ${line}`)
  await location.remove()
}

async function createLocation(onPostgres: boolean) {
  const home = mkdtempSync(join(tmpdir(), 'graft-kills-'))
  const database = await createScratchDatabase(onPostgres)
  return {
    databaseUrl: database.url,
    home,
    async remove() {
      await database.remove()
      rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
