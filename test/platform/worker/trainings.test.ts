import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { getAdapter } from '../../../platform/store/adapters.ts'
import { pauseTraining, resumeTraining, transitionTraining } from '../../../platform/store/training-transitions.ts'
import { createTraining, getTraining } from '../../../platform/store/trainings.ts'
import { startWorker, type Worker, workOnce } from '../../../platform/worker/worker.ts'
import type { WorkerOptions } from '../../../platform/worker/worker-options.ts'
import { describePostgres, embeddedPlace, type Place, postgresPlace } from '../../contract/store/stores.ts'
import { tinyBase, tinySpec } from '../../training/tiny.ts'
import { eventsOf, expectWhole, reaches, statusesIn, steps, undisturbed } from './watching.ts'
import { type Desk, type Inputs, launch, openDesk, storeDataset, storeInputs, tinyFields } from './worker-context.ts'

const SHORT = { steps: 60, batch_tokens: 400 }
/** Some seconds of steps: long enough to do something to it. */
const LONG = { steps: 400, batch_tokens: 400 }

function declare(make: () => Promise<Place>): void {
  let place: Place
  let home: string
  let desk: Desk
  let inputs: Inputs
  const reported: unknown[] = []
  const workers: Worker[] = []

  beforeAll(async () => {
    place = await make()
    home = place.options.databaseUrl ? await mkdtemp(join(tmpdir(), 'graft-jobs-')) : place.options.home
    desk = await openDesk({ databaseUrl: place.options.databaseUrl, home }, (error) => reported.push(error))
    const { data, test } = tinySpec()
    inputs = await storeInputs(desk, { base: tinyBase(), data, test: test as string })
  })
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()))
    expect(reported.splice(0)).toEqual([])
    expect(existsSync(join(home, 'work')) ? readdirSync(join(home, 'work')) : []).toEqual([])
  })
  afterAll(async () => {
    await desk?.close()
    await place?.remove()
    await rm(home, { recursive: true, force: true })
  })

  const work = async (options: Partial<WorkerOptions> = {}) => {
    const worker = await startWorker({ ...desk, ...options })
    workers.push(worker)
    return worker
  }

  test('a training becomes an adapter, and its events tell of it in order', async () => {
    const { db } = desk.store
    const { id } = await launch(desk, inputs, { ...SHORT, evaluate_every: 30 }, { name: 'film' })
    expect(await desk.queue.waiting()).toEqual({ trainings: 1, evaluations: 0, comparisons: 0 })
    const worker = await work()
    await reaches(db, id, 'running')
    expect(worker.running).toEqual([id])
    const row = await reaches(db, id, 'succeeded', 'failed')
    expect(row).toMatchObject({
      status: 'succeeded',
      slices: 1,
      failed_attempts: 0,
      progress: { step: 60, total_steps: 60 },
    })
    const adapter = await getAdapter(db, 'film')
    expect(adapter).toMatchObject({
      id: row.adapter_id,
      training_id: id,
      method: 'lora',
      layout: 'peft',
      labels: ['negative', 'positive'],
      digest: await undisturbed(SHORT),
      metrics: { n: 60 },
    })
    expect(existsSync(join(await desk.cache.folder(adapter.artifact), 'graft.json'))).toBe(true)
    const events = await eventsOf(db, id)
    expectWhole(events, SHORT.steps)
    expect(statusesIn(events)).toEqual(['queued', 'running', 'succeeded'])
    expect(events.filter(({ type }) => type === 'point')).toHaveLength(2)
    expect(row.result).not.toHaveProperty('checkpoint')
    expect(JSON.stringify(events)).not.toContain(home)
  })

  test('in slices it makes the same bytes, and what it was told to do between them is done', async () => {
    const { db } = desk.store
    const { id } = await launch(desk, inputs, LONG)
    const told: unknown[] = []
    const once = () => workOnce({ ...desk, sliceSeconds: 0.3, tell: (news) => told.push(news) })
    expect(await once()).toBe(true)
    expect(told).toMatchObject([{ training: id, slice: 1, status: 'running' }, { status: 'queued' }])
    expect((await getTraining(db, id)).state).not.toBeNull()
    await pauseTraining(db, id)
    expect(await once()).toBe(false)
    await desk.store.transaction(async (tx) => {
      if ((await resumeTraining(tx, id)).queued) await desk.queue.queueTraining(tx, id)
    })
    expect(await once()).toBe(true)
    while ((await getTraining(db, id)).status === 'queued') await workOnce({ ...desk, sliceSeconds: 0.7 })
    const row = await getTraining(db, id)
    expect(row).toMatchObject({ status: 'succeeded', failed_attempts: 0 })
    expect(row.slices).toBeGreaterThan(2)
    expect(await getAdapter(db, row.adapter_id as string)).toMatchObject({
      name: `lora-${id.slice(-12)}`,
      digest: await undisturbed(LONG),
    })
    expect(statusesIn(await eventsOf(db, id)).filter((status) => status === 'running')).toHaveLength(row.slices)
  })

  test('a running training pauses with its state saved, resumes on any worker, and is cancelled at once', async () => {
    const { db } = desk.store
    const { id } = await launch(desk, inputs, { ...LONG, steps: 100_000 })
    const first = await work()
    await steps(db, id)
    await pauseTraining(db, id)
    const paused = await reaches(db, id, 'paused')
    expect(paused.state).not.toBeNull()
    await first.close()
    const atPause = paused.progress?.step as number

    await work({ home: join(home, 'another-machine') })
    await desk.store.transaction(async (tx) => {
      if ((await resumeTraining(tx, id)).queued) await desk.queue.queueTraining(tx, id)
    })
    await steps(db, id, atPause + 1)
    await transitionTraining(db, id, 'cancelled')
    const begun = performance.now()
    const next = await launch(desk, inputs, SHORT)
    await reaches(db, next.id, 'running')
    expect(performance.now() - begun).toBeLessThan(6_000)
    expect((await reaches(db, next.id, 'succeeded', 'failed')).status).toBe('succeeded')
    expect(statusesIn(await eventsOf(db, id))).toEqual([
      'queued',
      'running',
      'paused',
      'queued',
      'running',
      'cancelled',
    ])
  })

  test('a worker that closes gives its training back at once, and nothing is lost', async () => {
    const { db } = desk.store
    const { id } = await launch(desk, inputs, LONG)
    const first = await work()
    const { progress } = await steps(db, id)
    await first.close()
    const between = await getTraining(db, id)
    expect(between).toMatchObject({ status: 'queued', failed_attempts: 0, worker: null })
    expect(between.progress?.step).toBeGreaterThanOrEqual(progress?.step as number)
    await work()
    const row = await reaches(db, id, 'succeeded', 'failed')
    expect((await getAdapter(db, row.adapter_id as string)).digest).toBe(await undisturbed(LONG))
  })

  test('what the data have wrong fails the training at once, with the cause', async () => {
    const { db } = desk.store
    const bad = join(home, 'bad.jsonl')
    await writeFile(bad, '{"text": "fine", "label": "positive"}\nnot json\n')
    const dataset = await storeDataset(db, desk.artifacts, 'bad', bad)
    const { id } = await launch(desk, { ...inputs, dataset }, SHORT)
    await work()
    const row = await reaches(db, id, 'failed')
    expect(row.error).toMatchObject({ code: 'data_line', found: expect.any(String) })
    expect(row).toMatchObject({ failed_attempts: 0, slices: 1 })
    const events = await eventsOf(db, id)
    expect(events.at(-1)).toEqual({ type: 'status', status: 'failed', error: row.error })
    expect(row.error?.subject).toBe('the data set bad, line 2')
  })

  test('a training without a job gets one, and nets side by side add none', async () => {
    const { db } = desk.store
    const { base: _, data: __, test: ___, out: ____, ...spec } = tinyFields(SHORT)
    const { id } = await createTraining(db, { base_id: inputs.base.id, dataset_id: inputs.dataset.id, spec })
    await Promise.all([work(), work({ name: 'second' })])
    const row = await reaches(db, id, 'succeeded', 'failed')
    expect(row).toMatchObject({ status: 'succeeded', slices: 1 })
    expect(await getAdapter(db, row.adapter_id as string)).toMatchObject({ metrics: null })
  })

  test('two workers share trainings, and none runs twice', async () => {
    const { db } = desk.store
    const ids: string[] = []
    for (let i = 0; i < 4; i++) ids.push((await launch(desk, inputs, SHORT)).id)
    const taken: string[][] = [[], []]
    for (const [i, list] of taken.entries())
      await work({
        name: `worker-${i}`,
        tell: (news) => 'training' in news && news.status === 'running' && list.push(news.training),
      })
    for (const id of ids) {
      const row = await reaches(db, id, 'succeeded', 'failed')
      expect(row).toMatchObject({ status: 'succeeded', slices: 1, failed_attempts: 0 })
      expectWhole(await eventsOf(db, id), SHORT.steps)
    }
    expect(taken.flat().sort()).toEqual([...ids].sort())
    expect(taken.map(({ length }) => length)).not.toContain(0)
  })
}

describe('on the embedded database', () => declare(embeddedPlace))
describePostgres(() => declare(postgresPlace))
