import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { GraftError } from '../../../core/errors.ts'
import { sweepWorkspaces } from '../../../platform/files/workspaces.ts'
import { selectAdapter } from '../../../platform/store/adapters.ts'
import type { StoreClient } from '../../../platform/store/store.ts'
import { claimTraining, recordProgress } from '../../../platform/store/training-transitions.ts'
import { selectTrainingById } from '../../../platform/store/trainings.ts'
import { requeueOrFail } from '../../../platform/worker/retries.ts'
import { startWorker, type Worker } from '../../../platform/worker/worker.ts'
import { embeddedPlace, type Place, whyPglite } from '../../contract/store/embedded.ts'
import { digest } from '../../contract/store/rows.ts'
import { describePostgres, postgresPlace } from '../../contract/store/stores.ts'
import { NODE_FLAGS } from '../../node-flags.ts'
import { tinyBase, tinySpec } from '../../training/tiny.ts'
import {
  childrenOf,
  digestOfUndisturbedRun,
  eventsOf,
  expectChild,
  expectCompleteEvents,
  statusesIn,
  waitForStatus,
  waitUntil,
} from './wait-until.ts'
import {
  type Inputs,
  LONG,
  launchTraining,
  openWorkerContext,
  storeInputs,
  type WorkerContext,
} from './worker-context.ts'

const processes: ChildProcess[] = []

function workerProcess(databaseUrl: string, home: string, name: string): ChildProcess {
  const child = spawn(
    process.execPath,
    [...NODE_FLAGS, join(import.meta.dirname, 'worker-process.ts'), databaseUrl, home, name],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  processes.push(child)
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

afterAll(() => Promise.all(processes.map(kill)))

/** Expects that the training has ended as if nothing had happened. */
async function expectUndisturbedResult({ store: { db } }: WorkerContext, id: string): Promise<void> {
  const row = await waitForStatus(db, id, 'succeeded', 'failed')
  expect(row.error).toBeNull()
  expect((await selectAdapter(db, row.adapter_id as string)).digest).toBe(await digestOfUndisturbedRun(LONG))
  expectCompleteEvents(await eventsOf(db, id), LONG.steps)
}

/** @param single true if only one process at a time may open the database */
function declare(make: () => Promise<Place>, single: boolean): void {
  let place: Place
  let home: string
  let context: WorkerContext
  let inputs: Inputs
  let logged: unknown[] = []
  const workers: Worker[] = []
  const open = () => openWorkerContext({ databaseUrl: place.options.databaseUrl, home }, (error) => logged.push(error))

  beforeAll(async () => {
    place = await make()
    home = place.options.databaseUrl ? await mkdtemp(join(tmpdir(), 'graft-jobs-')) : place.options.home
    context = await open()
    const { data, test } = tinySpec()
    inputs = await storeInputs(context, { base: tinyBase(), data, test: test as string })
  })
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()))
    logged = []
  })
  afterAll(async () => {
    await context?.close()
    await place?.remove()
    await rm(home, { recursive: true, force: true })
  })
  const addWorker = async () => {
    workers.push(await startWorker(context))
  }

  test('after a training process is killed, another continues from the saved state', async () => {
    const { db } = context.store
    const child = expectChild('training/child')
    const { id } = await launchTraining(context, inputs, LONG)
    await addWorker()
    await waitUntil(
      () => selectTrainingById(db, id),
      ({ state }) => state !== null,
    )
    process.kill(await child(), 'SIGKILL')
    await expectUndisturbedResult(context, id)
    const row = await selectTrainingById(db, id)
    expect(row.slices).toBe(2)
    const requeued = (await eventsOf(db, id)).find((event) => event.type === 'status' && event.error)
    expect(requeued).toMatchObject({
      status: 'queued',
      error: { code: 'training_failed', subject: 'the training process' },
    })
  })

  test('a training fails after six attempts without a saved state, with their number and the last error', async () => {
    const { db } = context.store
    const { id } = await launchTraining(context, inputs, LONG)
    const error = new GraftError('disk_full', {
      subject: 'the disk',
      problem: 'is full',
      fix: 'Free some space.',
    })
    const failAttempt = async (patch = {}) => {
      const row = await claimTraining(db, id, 'w')
      if (!row) throw new Error('the training is not queued')
      await recordProgress(db, id, row.fencing_token, patch)
      return requeueOrFail(context, row, error)
    }
    for (let failed_attempts = 1; failed_attempts <= 5; failed_attempts++)
      expect(await failAttempt()).toMatchObject({ status: 'queued', failed_attempts })
    expect(await failAttempt({ state: digest('a state') })).toMatchObject({ status: 'queued', failed_attempts: 1 })
    for (let failed_attempts = 2; failed_attempts <= 5; failed_attempts++)
      expect(await failAttempt()).toMatchObject({ status: 'queued', failed_attempts })
    const { status, error: cause } = await failAttempt()
    expect(status).toBe('failed')
    expect(cause).toMatchObject({
      code: 'training_failed',
      problem: 'failed 6 times in a row; the last error was: The disk is full',
      fix: 'Free some space.',
    })
    expect((await eventsOf(db, id)).filter((event) => event.type === 'status' && event.error)).toHaveLength(11)
  })

  test('after a worker is killed, another continues, and the training process of the first exits', async () => {
    const { databaseUrl } = place.options
    const { id } = await launchTraining(context, inputs, LONG)
    if (single) await context.close()
    const first = workerProcess(databaseUrl, home, 'first')
    await once(first.stdout as NodeJS.ReadableStream, 'data')
    const trainers = await waitUntil(
      async () => childrenOf('training/child', first.pid),
      ({ length }) => length > 0,
    )
    await pause(1_500)
    await kill(first)
    const killed = performance.now()
    if (single) context = await open()
    const { db } = context.store
    await addWorker()
    await waitUntil(
      () => selectTrainingById(db, id),
      ({ fencing_token, status }) => fencing_token === 2 || status === 'succeeded',
    )
    expect(performance.now() - killed).toBeLessThan(15_000)
    await expect(recordProgress(db, id, 1, { state: null })).rejects.toMatchObject({ code: 'training_superseded' })
    await expectUndisturbedResult(context, id)
    expect(statusesIn(await eventsOf(db, id)).slice(0, 4)).toEqual(['queued', 'running', 'queued', 'running'])
    await waitUntil(
      async () => trainers.filter((pid) => existsSync(`/proc/${pid}/stat`) && !isZombie(pid)),
      ({ length }) => length === 0,
    )
    // The training process may have saved a state after its folder was removed. The next sweep removes it.
    sweepWorkspaces(home)
    expect(readdirSync(join(home, 'work')).filter((name) => !name.includes('.'))).toHaveLength(1)
  })

  if (!single)
    test('connections to the database may be killed at any moment without any effect on the result', async () => {
      const { id } = await launchTraining(context, inputs, LONG)
      await addWorker()
      const { pool } = context.store.client as Extract<StoreClient, { kind: 'postgres' }>
      const killer = await openWorkerContext({ databaseUrl: place.options.databaseUrl, home }, () => {})
      const other = (killer.store.client as Extract<StoreClient, { kind: 'postgres' }>).pool
      let kills = 0
      const end = waitUntil(
        () => selectTrainingById(killer.store.db, id).catch(() => undefined),
        (row) => row?.status === 'succeeded' || row?.status === 'failed',
      )
      const state = { ended: false }
      void end.finally(() => {
        state.ended = true
      })
      while (!state.ended) {
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
      await expectUndisturbedResult(context, id)
      expect((await selectTrainingById(context.store.db, id)).failed_attempts).toBeLessThan(2)
    })
}

describe('on the embedded database', () => declare(embeddedPlace, whyPglite !== ''))
describePostgres(() => declare(postgresPlace, false))

const isZombie = (pid: number): boolean => {
  try {
    return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return true
  }
}
