import { existsSync, readdirSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { selectAdapter } from '../../../platform/store/adapters.ts'
import { endPause, requestPause, transitionTraining } from '../../../platform/store/training-transitions.ts'
import { insertTraining, selectTrainingById } from '../../../platform/store/trainings.ts'
import { startWorker, type Worker, workOnce } from '../../../platform/worker/worker.ts'
import type { WorkerOptions } from '../../../platform/worker/worker-options.ts'
import { embeddedPlace, type Place } from '../../contract/store/embedded.ts'
import { describePostgres, postgresPlace } from '../../contract/store/stores.ts'
import {
  digestOfUndisturbedRun,
  eventsOf,
  expectCompleteEvents,
  statusesIn,
  waitForStatus,
  waitForStep,
} from './wait-until.ts'
import {
  type Inputs,
  LONG,
  launchTraining,
  setUpWorker,
  storeDataset,
  tinyFields,
  type WorkerContext,
} from './worker-context.ts'

const SHORT = { steps: 60, batch_tokens: 400 }

function declare(make: () => Promise<Place>): void {
  let place: Place
  let home: string
  let context: WorkerContext
  let inputs: Inputs
  const logged: unknown[] = []
  const workers: Worker[] = []

  beforeAll(async () => {
    ;({ place, home, context, inputs } = await setUpWorker(make, logged))
  })
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()))
    expect(logged.splice(0)).toEqual([])
    expect(existsSync(join(home, 'work')) ? readdirSync(join(home, 'work')) : []).toEqual([])
  })
  afterAll(async () => {
    await context?.close()
    await place?.remove()
    await rm(home, { recursive: true, force: true })
  })

  const addWorker = async (options: Partial<WorkerOptions> = {}) => {
    const worker = await startWorker({ ...context, ...options })
    workers.push(worker)
    return worker
  }

  test('a training produces an adapter, and its events record its history in order', async () => {
    const { db } = context.store
    const settings = { ...SHORT, calibration_rows: 30 }
    const { id } = await launchTraining(context, inputs, { ...settings, evaluate_every: 30 }, { name: 'film' })
    expect(await context.queue.countWaiting()).toEqual({ trainings: 1, evaluations: 0, comparisons: 0 })
    const worker = await addWorker()
    await waitForStatus(db, id, 'running')
    expect(worker.running).toEqual([id])
    const row = await waitForStatus(db, id, 'succeeded', 'failed')
    expect(row).toMatchObject({
      status: 'succeeded',
      slices: 1,
      failed_attempts: 0,
      progress: { step: 60, total_steps: 60 },
    })
    const adapter = await selectAdapter(db, 'film')
    expect(adapter).toMatchObject({
      id: row.adapter_id,
      training_id: id,
      method: 'lora',
      layout: 'peft',
      labels: ['negative', 'positive'],
      digest: await digestOfUndisturbedRun(settings),
      temperature: row.result?.calibration.temperature,
      metrics: { n: 60 },
    })
    expect(adapter.temperature).not.toBe(1)
    expect(existsSync(join(await context.cache.folder(adapter.artifact), 'graft.json'))).toBe(true)
    const events = await eventsOf(db, id)
    expectCompleteEvents(events, SHORT.steps)
    expect(statusesIn(events)).toEqual(['queued', 'running', 'succeeded'])
    expect(events.filter(({ type }) => type === 'evaluation')).toHaveLength(2)
    expect(row.result).not.toHaveProperty('checkpoint')
    expect(JSON.stringify(events)).not.toContain(home)
  })

  test('a training in slices produces the same bytes, and can be paused and resumed between them', async () => {
    const { db } = context.store
    const { id } = await launchTraining(context, inputs, LONG)
    const workerEvents: unknown[] = []
    const workOneSlice = () => workOnce({ ...context, sliceSeconds: 0.3, onEvent: (event) => workerEvents.push(event) })
    expect((await workOneSlice()).worked).toBe(true)
    expect(workerEvents).toMatchObject([{ training_id: id, slice: 1, status: 'running' }, { status: 'queued' }])
    expect((await selectTrainingById(db, id)).state).not.toBeNull()
    await requestPause(db, id)
    expect((await workOneSlice()).worked).toBe(false)
    await context.store.transaction(async (tx) => {
      if ((await endPause(tx, id)).queued) await context.queue.enqueueTraining(tx, id)
    })
    expect((await workOneSlice()).worked).toBe(true)
    expect((await workOnce(context)).worked).toBe(true)
    const row = await selectTrainingById(db, id)
    expect(row).toMatchObject({ status: 'succeeded', failed_attempts: 0 })
    expect(row.slices).toBeGreaterThan(2)
    expect(await selectAdapter(db, row.adapter_id as string)).toMatchObject({
      name: `lora-${id.slice(-12)}`,
      digest: await digestOfUndisturbedRun(LONG),
    })
    expect(statusesIn(await eventsOf(db, id)).filter((status) => status === 'running')).toHaveLength(row.slices)
  })

  test('a running training saves its state when paused, resumes on any worker, and is cancelled at once', async () => {
    const { db } = context.store
    const { id } = await launchTraining(context, inputs, { ...LONG, steps: 100_000 })
    const first = await addWorker()
    await waitForStep(db, id)
    await requestPause(db, id)
    const paused = await waitForStatus(db, id, 'paused')
    expect(paused.state).not.toBeNull()
    await first.close()
    const atPause = paused.progress?.step as number

    await addWorker({ home: join(home, 'another-machine') })
    await context.store.transaction(async (tx) => {
      if ((await endPause(tx, id)).queued) await context.queue.enqueueTraining(tx, id)
    })
    await waitForStep(db, id, atPause + 1)
    await transitionTraining(db, id, 'cancelled')
    const start = performance.now()
    const next = await launchTraining(context, inputs, SHORT)
    await waitForStatus(db, next.id, 'running')
    expect(performance.now() - start).toBeLessThan(6_000)
    expect((await waitForStatus(db, next.id, 'succeeded', 'failed')).status).toBe('succeeded')
    expect(statusesIn(await eventsOf(db, id))).toEqual([
      'queued',
      'running',
      'paused',
      'queued',
      'running',
      'cancelled',
    ])
  })

  test('a worker that closes requeues its training at once, and no step is lost', async () => {
    const { db } = context.store
    const { id } = await launchTraining(context, inputs, LONG)
    const first = await addWorker()
    const { progress } = await waitForStep(db, id)
    await first.close()
    const between = await selectTrainingById(db, id)
    expect(between).toMatchObject({ status: 'queued', failed_attempts: 0, worker: null })
    expect(between.progress?.step).toBeGreaterThanOrEqual(progress?.step as number)
    await addWorker()
    const row = await waitForStatus(db, id, 'succeeded', 'failed')
    expect((await selectAdapter(db, row.adapter_id as string)).digest).toBe(await digestOfUndisturbedRun(LONG))
  })

  test('a training on bad data fails at once and names the bad line', async () => {
    const { db } = context.store
    const bad = join(home, 'bad.jsonl')
    await writeFile(bad, '{"text": "fine", "label": "positive"}\nnot json\n')
    const dataset = await storeDataset(db, context.artifacts, 'bad', bad)
    const { id } = await launchTraining(context, { ...inputs, dataset }, SHORT)
    await addWorker()
    const row = await waitForStatus(db, id, 'failed')
    expect(row.error).toMatchObject({ code: 'data_line', found: expect.any(String) })
    expect(row).toMatchObject({ failed_attempts: 0, slices: 1 })
    const events = await eventsOf(db, id)
    expect(events.at(-1)).toEqual({ type: 'status', status: 'failed', error: row.error })
    expect(row.error?.subject).toBe('the data set bad, line 2')
  })

  test('a training without a job gets exactly one, even if two workers look for it at the same time', async () => {
    const { db } = context.store
    const { base: _, data: __, test: ___, out: ____, ...spec } = tinyFields(SHORT)
    const { id } = await insertTraining(db, { base_id: inputs.base.id, dataset_id: inputs.dataset.id, spec })
    await Promise.all([addWorker(), addWorker({ name: 'second' })])
    const row = await waitForStatus(db, id, 'succeeded', 'failed')
    expect(row).toMatchObject({ status: 'succeeded', slices: 1 })
    expect(await selectAdapter(db, row.adapter_id as string)).toMatchObject({ metrics: null })
  })

  test('two workers share the queue, and no training runs twice', async () => {
    const { db } = context.store
    const ids: string[] = []
    for (let i = 0; i < 4; i++) ids.push((await launchTraining(context, inputs, SHORT)).id)
    const taken: string[][] = [[], []]
    for (const [i, list] of taken.entries())
      await addWorker({
        name: `worker-${i}`,
        onEvent: (event) => 'training_id' in event && event.status === 'running' && list.push(event.training_id),
      })
    for (const id of ids) {
      const row = await waitForStatus(db, id, 'succeeded', 'failed')
      expect(row).toMatchObject({ status: 'succeeded', slices: 1, failed_attempts: 0 })
      expectCompleteEvents(await eventsOf(db, id), SHORT.steps)
    }
    expect(taken.flat().sort()).toEqual([...ids].sort())
    expect(taken.map(({ length }) => length)).not.toContain(0)
  })
}

describe('on the embedded database', () => declare(embeddedPlace))
describePostgres(() => declare(postgresPlace))
