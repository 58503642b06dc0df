/**
 * Trainings on a platform whose processes and connections are killed at random moments, on each database. In the end every training has
 * ended once, with the bytes of an undisturbed one, every event is told once, and nothing that was acknowledged is lost.
 *
 *   npm run bench -- kill-matrix [--trainings 30] [--database both|embedded|postgres] [--seed 1]
 *
 * PostgreSQL is that of GRAFT_TEST_POSTGRES, or postgres://postgres@127.0.0.1:5432/test; a database of its own is made there and dropped.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { random } from '../core/random.ts'
import { check, store, undisturbed } from './kill-matrix-check.ts'
import type { Launch } from './kill-matrix-process.ts'
import { type Killable, killable } from './killable.ts'
import { databaseFor, killConnections } from './scratch-database.ts'

const { values } = parseArgs({
  options: {
    trainings: { type: 'string', default: '30' },
    database: { type: 'string', default: 'both' },
    seed: { type: 'string', default: '1' },
  },
  args: process.argv.slice(3),
})
const { uniform, integer } = random(Number(values.seed), 'kills')

const digests = await undisturbed()
let failed = false
for (const database of values.database === 'both' ? ['embedded', 'postgres'] : [values.database]) {
  await matrix(database === 'postgres', Number(values.trainings))
  if (database === 'postgres') await takeOver()
}
process.exitCode = failed ? 1 : 0

/** Kills until all trainings have ended; then looks at what is there. */
async function matrix(onPostgres: boolean, count: number): Promise<void> {
  const where = await place(onPostgres)
  const launches = await store(where, count)
  const begun = performance.now()
  const workers = onPostgres ? [killable(where, true), killable(where, true)] : []
  // Of the embedded database one process is the owner: it launches and works.
  const launcher = killable(where, !onPostgres)
  const killed: Record<string, number> = {}
  const acknowledged = new Map<string, string>()
  const launching = launchAll(launcher, launches, acknowledged)
  const targets = onPostgres
    ? ['launcher', 'worker', 'training process', 'connections']
    : ['process', 'training process']
  let unfinished = count
  while (unfinished > 0) {
    // Long enough, mostly, for a training to begin and to save a state: six losses without one between are a failure, rightly.
    await pause(3000 + 9000 * uniform())
    const target = targets[integer(targets.length)]
    const worker = workers.length > 0 ? workers[integer(workers.length)] : launcher
    if (await kill(target, worker, launcher, where.databaseUrl)) killed[target] = (killed[target] ?? 0) + 1
    if (acknowledged.size < count) continue
    unfinished = (await launcher.ask({ unfinished: true })).unfinished ?? unfinished
    process.stderr.write(`${unfinished} unfinished\n`)
  }
  await launching
  await Promise.all([...workers, launcher].map((each) => each.end()))
  const found = await check(where, launches, acknowledged, digests)
  failed ||= found.wrong.length > 0
  const kills = Object.entries(killed).map(([target, times]) => `${target} ${times}`)
  console.log(
    `\n${onPostgres ? 'PostgreSQL' : 'embedded'}: ${count} trainings in ${((performance.now() - begun) / 1000).toFixed(0)} s`,
  )
  console.log(`killed: ${kills.join(', ')}`)
  console.table(found.table)
  for (const line of found.wrong) console.log(`WRONG ${line}`)
  await where.remove()
}

async function launchAll(
  launcher: Killable,
  launches: readonly Launch[],
  acknowledged: Map<string, string>,
): Promise<void> {
  for (const launch of launches) {
    const { id } = await launcher.ask({ launch })
    acknowledged.set(launch.key, id as string)
    await pause(1000 * uniform())
  }
}

/** @returns whether there was something to kill */
async function kill(target: string, worker: Killable, launcher: Killable, databaseUrl: string): Promise<boolean> {
  if (target === 'connections') return killConnections(databaseUrl)
  if (target === 'training process') return worker.killTrainer()
  return (target === 'worker' ? worker : launcher).kill()
}

/** Two workers share ten trainings; one is killed, and comes back as a supervisor would start it again. */
async function takeOver(): Promise<void> {
  const where = await place(true)
  const launches = await store(where, 10)
  const workers = [killable(where, true), killable(where, true)]
  const launcher = killable(where, false)
  const acknowledged = new Map<string, string>()
  await launchAll(launcher, launches, acknowledged)
  await pause(3000)
  await workers[0].kill()
  while ((await launcher.ask({ unfinished: true })).unfinished) await pause(300)
  await Promise.all([...workers, launcher].map((each) => each.end()))
  const { table, wrong, delays } = await check(where, launches, acknowledged, digests)
  if (delays.length !== 1 || delays[0] > 30) wrong.push(`the training of the killed worker went on after ${delays} s`)
  failed ||= wrong.length > 0
  console.log(
    `\ntwo workers, 10 trainings, one worker killed: its training went on after ${delays.map((s) => s.toFixed(1))} s`,
  )
  console.table(table)
  for (const line of wrong) console.log(`WRONG ${line}`)
  await where.remove()
}

async function place(onPostgres: boolean) {
  const home = mkdtempSync(join(tmpdir(), 'graft-kills-'))
  const database = await databaseFor(onPostgres)
  return {
    databaseUrl: database.url,
    home,
    async remove() {
      await database.remove()
      rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
