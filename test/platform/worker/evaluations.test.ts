import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { evaluateCheckpoint } from '../../../platform/offline/evaluate.ts'
import { deleteAdapter, selectAdapter } from '../../../platform/store/adapters.ts'
import type { DatasetRow } from '../../../platform/store/datasets.ts'
import { type EvaluationRow, insertEvaluation } from '../../../platform/store/evaluations.ts'
import { selectShortWork } from '../../../platform/store/short-work.ts'
import { sqlTemplate } from '../../../platform/store/sql-template.ts'
import { selectTrainingById } from '../../../platform/store/trainings.ts'
import { enqueueMissing } from '../../../platform/worker/reconcile.ts'
import { startWorker, type Worker, workOnce } from '../../../platform/worker/worker.ts'
import { embeddedPlace, type Place } from '../../contract/store/embedded.ts'
import { describePostgres, postgresPlace } from '../../contract/store/stores.ts'
import { makeReviews, tinyBase, writeReviews } from '../../training/tiny.ts'
import { expectChild, waitUntil } from './wait-until.ts'
import { type Inputs, launchTraining, setUpWorker, storeDataset, type WorkerContext } from './worker-context.ts'

function declare(make: () => Promise<Place>): void {
  let place: Place
  let home: string
  let context: WorkerContext
  let inputs: Inputs
  let adapter: string
  const logged: unknown[] = []
  const workers: Worker[] = []

  beforeAll(async () => {
    ;({ place, home, context, inputs } = await setUpWorker(make, logged))
    const { id } = await launchTraining(context, inputs, { steps: 20 }, { name: 'measured' })
    await workOnce(context)
    adapter = (await selectTrainingById(context.store.db, id)).adapter_id as string
  })
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()))
    logged.length = 0
  })
  afterAll(async () => {
    await context?.close()
    await place?.remove()
    await rm(home, { recursive: true, force: true })
  })

  const requestEvaluation = (dataset: DatasetRow, adapter_id = adapter): Promise<EvaluationRow> =>
    context.store.transaction(async (tx) => {
      const { digest } = await selectAdapter(tx, adapter_id)
      const row = await insertEvaluation(tx, { adapter_id, digest, dataset_id: dataset.id })
      await context.queue.enqueueShortWork(tx, 'evaluation', row.id)
      return row
    })
  const waitForEnd = (id: string) =>
    waitUntil(
      () => selectShortWork(context.store.db, 'evaluation', id),
      ({ status }) => status === 'succeeded' || status === 'failed',
    )
  const addWorker = async () => {
    workers.push(await startWorker(context))
  }

  test('an evaluation on a data set gives the same metrics as graft evaluate', async () => {
    const { id } = await requestEvaluation(inputs.test)
    expect(await context.queue.countWaiting()).toEqual({ trainings: 0, evaluations: 1, comparisons: 0 })
    expect((await workOnce(context)).worked).toBe(true)
    expect((await workOnce(context)).worked).toBe(false)
    const row = await selectShortWork(context.store.db, 'evaluation', id)
    const checkpoint = await context.cache.folder((await selectAdapter(context.store.db, adapter)).artifact)
    const data = await context.cache.file(inputs.test.digest)
    const metrics = await evaluateCheckpoint({ base: tinyBase(), checkpoint, data, threads: 1 }, () => {})
    expect(row).toMatchObject({ status: 'succeeded', error: null })
    expect(row.metrics).toEqual(JSON.parse(JSON.stringify(metrics)))
  })

  test('an evaluation on bad data fails at once and names the bad line', async () => {
    const path = join(home, 'strange.jsonl')
    await writeFile(path, '{"text": "fine", "label": "lukewarm"}\n')
    const { id } = await requestEvaluation(await storeDataset(context.store.db, context.artifacts, 'strange', path))
    await addWorker()
    expect(await waitForEnd(id)).toMatchObject({
      status: 'failed',
      error: { code: 'data_label', subject: 'the data set strange, line 1' },
    })
    expect(logged).toEqual([])
  })

  test('an evaluation whose process is killed is retried in another process', async () => {
    const many = await storeDataset(context.store.db, context.artifacts, 'many', writeReviews(makeReviews(3000, 5)))
    const child = expectChild('short-work-child')
    const { id } = await requestEvaluation(many)
    await addWorker()
    process.kill(await child(), 'SIGKILL')
    expect(await waitForEnd(id)).toMatchObject({ status: 'succeeded', metrics: { n: 3000 } })
    expect(logged).toMatchObject([{ code: 'evaluation_failed' }])
  })

  test('an evaluation fails after its worker has stalled at every attempt', async () => {
    const { id } = await requestEvaluation(inputs.test)
    const now = sqlTemplate`update graft_jobs.job set start_after = now() where state = 'retry'`
    for (let attempt = 0; attempt < 4; attempt++) {
      const job = await context.queue.take('evaluation')
      if (!job) throw new Error(`attempt ${attempt} has no job`)
      // Makes the queue treat the job as one without a recent heartbeat.
      await context.store.db.execute(sqlTemplate`
        update graft_jobs.job set heartbeat_on = now() - interval '1 minute' where id = ${job.attempt.id}`)
      await context.store.db.execute(
        sqlTemplate`update graft_jobs.queue set monitor_claim_on = null, monitor_on = null`,
      )
      await context.queue.maintain()
      await context.store.db.execute(now)
    }
    expect(await context.queue.take('evaluation')).toBeUndefined()
    await Promise.all([enqueueMissing(context), enqueueMissing(context)])
    expect(await selectShortWork(context.store.db, 'evaluation', id)).toMatchObject({
      status: 'failed',
      error: { code: 'evaluation_failed', subject: `evaluation ${id}` },
    })
  })

  test('an evaluation whose adapter is deleted meanwhile ends without an error', async () => {
    await launchTraining(context, inputs, { steps: 20 }, { name: 'short-lived' })
    await workOnce(context)
    await requestEvaluation(inputs.test, (await selectAdapter(context.store.db, 'short-lived')).id)
    await deleteAdapter(context.store.db, 'short-lived')
    expect((await workOnce(context)).worked).toBe(true)
    expect((await workOnce(context)).worked).toBe(false)
    expect(logged).toEqual([])
  })
}

describe('on the embedded database', () => declare(embeddedPlace))
describePostgres(() => declare(postgresPlace))
