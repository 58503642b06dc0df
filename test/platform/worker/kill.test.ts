import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { GraftError } from '../../../core/errors.ts'
import { getAdapter } from '../../../platform/store/adapters.ts'
import type { StoreClient } from '../../../platform/store/store.ts'
import { claimTraining, recordProgress } from '../../../platform/store/training-transitions.ts'
import { getTraining } from '../../../platform/store/trainings.ts'
import { requeueOrFail } from '../../../platform/worker/retries.ts'
import { startWorker, type Worker } from '../../../platform/worker/worker.ts'
import { sweepWorkspaces } from '../../../platform/worker/workspaces.ts'
import { digest } from '../../contract/store/rows.ts'
import { describePostgres, embeddedPlace, type Place, postgresPlace } from '../../contract/store/stores.ts'
import { tinyBase, tinySpec } from '../../training/tiny.ts'
import { childrenOf, eventsOf, expectWhole, reaches, statusesIn, undisturbed, until } from './watching.ts'
import { type Desk, type Inputs, launch, openDesk, storeInputs } from './worker-context.ts'

/** Some seconds of steps, with a state in each of them. */
const LONG = { steps: 400, batch_tokens: 400 }

const processes: ChildProcess[] = []

function workerProcess(databaseUrl: string, home: string, name: string): ChildProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'worker-process.ts'), databaseUrl, home, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  processes.push(child)
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

afterAll(() => Promise.all(processes.map(kill)))

/** The training as it should be after all: as if nothing had happened. */
async function expectUndisturbed({ store: { db } }: Desk, id: string): Promise<void> {
  const row = await reaches(db, id, 'succeeded', 'failed')
  expect(row.error).toBeNull()
  expect((await getAdapter(db, row.adapter_id as string)).digest).toBe(await undisturbed(LONG))
  expectWhole(await eventsOf(db, id), LONG.steps)
}

function declare(make: () => Promise<Place>, embedded: boolean): void {
  let place: Place
  let home: string
  let desk: Desk
  let inputs: Inputs
  let reported: unknown[] = []
  const workers: Worker[] = []
  const open = () => openDesk({ databaseUrl: place.options.databaseUrl, home }, (error) => reported.push(error))

  beforeAll(async () => {
    place = await make()
    home = place.options.databaseUrl ? await mkdtemp(join(tmpdir(), 'graft-jobs-')) : place.options.home
    desk = await open()
    const { data, test } = tinySpec()
    inputs = await storeInputs(desk, { base: tinyBase(), data, test: test as string })
  })
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()))
    reported = []
  })
  afterAll(async () => {
    await desk?.close()
    await place?.remove()
    await rm(home, { recursive: true, force: true })
  })
  const work = async () => {
    workers.push(await startWorker(desk))
  }

  test('a training process that is killed is followed by another, from the saved state', async () => {
    const { db } = desk.store
    const { id } = await launch(desk, inputs, LONG)
    await work()
    await until(
      () => getTraining(db, id),
      ({ state }) => state !== null,
    )
    const [trainer] = childrenOf('training/child')
    process.kill(trainer, 'SIGKILL')
    await expectUndisturbed(desk, id)
    const row = await getTraining(db, id)
    expect(row.slices).toBe(2)
    const lost = (await eventsOf(db, id)).find((event) => event.type === 'status' && event.error)
    expect(lost).toMatchObject({
      status: 'queued',
      error: { code: 'training_failed', subject: 'the training process' },
    })
  })

  test('one that is lost over and over, without a state between, fails with how often and of what', async () => {
    const { db } = desk.store
    const { id } = await launch(desk, inputs, LONG)
    const error = new GraftError('disk_full', {
      subject: 'the disk',
      expected: 'room',
      found: 'none',
      fix: 'Make some.',
    })
    const lose = async (report = {}) => {
      const row = await claimTraining(db, id, 'w')
      if (!row) throw new Error('it does not wait')
      await recordProgress(db, id, row.fencing_token, report)
      return requeueOrFail(desk, row, error)
    }
    for (let failed_attempts = 1; failed_attempts <= 5; failed_attempts++)
      expect(await lose()).toMatchObject({ status: 'queued', failed_attempts })
    expect(await lose({ state: digest('a state') })).toMatchObject({ status: 'queued', failed_attempts: 1 })
    for (let failed_attempts = 2; failed_attempts <= 5; failed_attempts++)
      expect(await lose()).toMatchObject({ status: 'queued', failed_attempts })
    const { status, error: cause } = await lose()
    expect(status).toBe('failed')
    expect(cause).toMatchObject({
      code: 'training_failed',
      found: '6 failed_attempts in a row, the last of them the disk: expected room, found none',
      fix: 'Make some.',
    })
    expect((await eventsOf(db, id)).filter((event) => event.type === 'status' && event.error)).toHaveLength(11)
  })

  test('a worker that is killed is followed by another; the late one can write nothing, and its training process ends', async () => {
    const { databaseUrl } = place.options
    const { id } = await launch(desk, inputs, LONG)
    // Of the embedded database one process is the owner at a time.
    if (embedded) await desk.close()
    const first = workerProcess(databaseUrl, home, 'first')
    await once(first.stdout as NodeJS.ReadableStream, 'data')
    const trainers = await until(
      async () => childrenOf('training/child', first.pid),
      ({ length }) => length > 0,
    )
    await pause(1_500)
    await kill(first)
    const killed = performance.now()
    if (embedded) desk = await open()
    const { db } = desk.store
    await work()
    await until(
      () => getTraining(db, id),
      ({ fencing_token, status }) => fencing_token === 2 || status === 'succeeded',
    )
    expect(performance.now() - killed).toBeLessThan(15_000)
    await expect(recordProgress(db, id, 1, { state: null })).rejects.toMatchObject({ code: 'training_superseded' })
    await expectUndisturbed(desk, id)
    expect(statusesIn(await eventsOf(db, id)).slice(0, 4)).toEqual(['queued', 'running', 'queued', 'running'])
    await until(
      async () => trainers.filter((pid) => existsSync(`/proc/${pid}/stat`) && !isZombie(pid)),
      ({ length }) => length === 0,
    )
    // It may have saved its state after its folder was removed; the next sweep finds that.
    sweepWorkspaces(home)
    expect(readdirSync(join(home, 'work')).filter((name) => !name.includes('.'))).toHaveLength(1)
  })

  if (!embedded)
    test('connections that are killed at any moment cost nothing', async () => {
      const { id } = await launch(desk, inputs, LONG)
      await work()
      const { pool } = desk.store.client as Extract<StoreClient, { kind: 'postgres' }>
      const killer = await openDesk({ databaseUrl: place.options.databaseUrl, home }, () => {})
      const other = (killer.store.client as Extract<StoreClient, { kind: 'postgres' }>).pool
      let kills = 0
      const end = until(
        () => getTraining(killer.store.db, id).catch(() => undefined),
        (row) => row?.status === 'succeeded' || row?.status === 'failed',
      )
      const state = { over: false }
      void end.finally(() => {
        state.over = true
      })
      while (!state.over) {
        const { rows } = await other.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
        )
        kills += rows.length
        await pause(150)
      }
      await end
      await killer.close()
      expect(kills).toBeGreaterThan(5)
      await pool.query('select 1').catch(() => {})
      await expectUndisturbed(desk, id)
      expect((await getTraining(desk.store.db, id)).failed_attempts).toBeLessThan(2)
    })
}

describe('on the embedded database', () => declare(embeddedPlace, true))
describePostgres(() => declare(postgresPlace, false))

const isZombie = (pid: number): boolean => {
  try {
    return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return true
  }
}
