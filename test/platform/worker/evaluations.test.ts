import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { evaluateCheckpoint } from '../../../platform/offline/evaluate.ts'
import { deleteAdapter, getAdapter } from '../../../platform/store/adapters.ts'
import type { DatasetRow } from '../../../platform/store/datasets.ts'
import { createEvaluation, type EvaluationRow } from '../../../platform/store/evaluations.ts'
import { getShortWork } from '../../../platform/store/short-work.ts'
import { sqlTemplate } from '../../../platform/store/sql-template.ts'
import { getTraining } from '../../../platform/store/trainings.ts'
import { enqueueMissing } from '../../../platform/worker/reconcile.ts'
import { startWorker, type Worker, workOnce } from '../../../platform/worker/worker.ts'
import { describePostgres, embeddedPlace, type Place, postgresPlace } from '../../contract/store/stores.ts'
import { reviews, tinyBase, tinySpec, writeReviews } from '../../training/tiny.ts'
import { childrenOf, until } from './watching.ts'
import { type Desk, type Inputs, launch, openDesk, storeDataset, storeInputs } from './worker-context.ts'

function declare(make: () => Promise<Place>): void {
  let place: Place
  let home: string
  let desk: Desk
  let inputs: Inputs
  let adapter: string
  const reported: unknown[] = []
  const workers: Worker[] = []

  beforeAll(async () => {
    place = await make()
    home = place.options.databaseUrl ? await mkdtemp(join(tmpdir(), 'graft-jobs-')) : place.options.home
    desk = await openDesk({ databaseUrl: place.options.databaseUrl, home }, (error) => reported.push(error))
    const { data, test } = tinySpec()
    inputs = await storeInputs(desk, { base: tinyBase(), data, test: test as string })
    const { id } = await launch(desk, inputs, { steps: 20 }, { name: 'measured' })
    await workOnce(desk)
    adapter = (await getTraining(desk.store.db, id)).adapter_id as string
  })
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()))
    reported.length = 0
  })
  afterAll(async () => {
    await desk?.close()
    await place?.remove()
    await rm(home, { recursive: true, force: true })
  })

  const ask = (dataset: DatasetRow, of = adapter): Promise<EvaluationRow> =>
    desk.store.transaction(async (tx) => {
      const { digest } = await getAdapter(tx, of)
      const row = await createEvaluation(tx, { adapter_id: of, digest, dataset_id: dataset.id })
      await desk.queue.queueShortWork(tx, 'evaluation', row.id)
      return row
    })
  const settled = (id: string) =>
    until(
      () => getShortWork(desk.store.db, 'evaluation', id),
      ({ status }) => status === 'succeeded' || status === 'failed',
    )
  const work = async () => {
    workers.push(await startWorker(desk))
  }

  test('an adapter is measured on a data set as the command line measures it', async () => {
    const { id } = await ask(inputs.test)
    expect(await desk.queue.waiting()).toEqual({ trainings: 0, evaluations: 1, comparisons: 0 })
    expect(await workOnce(desk)).toBe(true)
    expect(await workOnce(desk)).toBe(false)
    const row = await getShortWork(desk.store.db, 'evaluation', id)
    const checkpoint = await desk.cache.folder((await getAdapter(desk.store.db, adapter)).artifact)
    const data = await desk.cache.file(inputs.test.digest)
    const metrics = await evaluateCheckpoint({ base: tinyBase(), checkpoint, data, threads: 1 }, () => {})
    expect(row).toMatchObject({ status: 'succeeded', error: null })
    expect(row.metrics).toEqual(JSON.parse(JSON.stringify(metrics)))
  })

  test('what the data have wrong fails it at once, with the cause', async () => {
    const path = join(home, 'strange.jsonl')
    await writeFile(path, '{"text": "fine", "label": "lukewarm"}\n')
    const { id } = await ask(await storeDataset(desk.store.db, desk.artifacts, 'strange', path))
    await work()
    expect(await settled(id)).toMatchObject({
      status: 'failed',
      error: { code: 'data_label', subject: 'the data set strange, line 1' },
    })
    expect(reported).toEqual([])
  })

  test('an evaluating process that is killed is followed by another', async () => {
    const many = await storeDataset(desk.store.db, desk.artifacts, 'many', writeReviews(reviews(3000, 5)))
    const { id } = await ask(many)
    await work()
    const [pid] = await until(
      async () => childrenOf('short-work-child'),
      ({ length }) => length > 0,
    )
    process.kill(pid, 'SIGKILL')
    expect(await settled(id)).toMatchObject({ status: 'succeeded', metrics: { n: 3000 } })
    expect(reported).toMatchObject([{ code: 'evaluation_failed' }])
  })

  test('one that was lost with every worker fails, when somebody looks for it', async () => {
    const { id } = await ask(inputs.test)
    const now = sqlTemplate`update graft_jobs.job set start_after = now() where state = 'retry'`
    for (let attempt = 0; attempt < 4; attempt++) {
      const job = await desk.queue.take('evaluation')
      if (!job) throw new Error(`attempt ${attempt} has no job`)
      // As the queue does with a job that nobody tells of any more.
      await desk.store.db.execute(sqlTemplate`
        update graft_jobs.job set heartbeat_on = now() - interval '1 minute' where id = ${job.attempt.id}`)
      await desk.store.db.execute(sqlTemplate`update graft_jobs.queue set monitor_claim_on = null, monitor_on = null`)
      await desk.queue.tend()
      await desk.store.db.execute(now)
    }
    expect(await desk.queue.take('evaluation')).toBeUndefined()
    await Promise.all([enqueueMissing(desk), enqueueMissing(desk)])
    expect(await getShortWork(desk.store.db, 'evaluation', id)).toMatchObject({
      status: 'failed',
      error: { code: 'evaluation_failed', subject: `evaluation ${id}` },
    })
  })

  test('one whose adapter is deleted meanwhile ends without a word', async () => {
    await launch(desk, inputs, { steps: 20 }, { name: 'short-lived' })
    await workOnce(desk)
    await ask(inputs.test, (await getAdapter(desk.store.db, 'short-lived')).id)
    await deleteAdapter(desk.store.db, 'short-lived')
    expect(await workOnce(desk)).toBe(true)
    expect(await workOnce(desk)).toBe(false)
    expect(reported).toEqual([])
  })
}

describe('on the embedded database', () => declare(embeddedPlace))
describePostgres(() => declare(postgresPlace))
