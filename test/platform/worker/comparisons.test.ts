import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compareCheckpoints } from '../../../platform/offline/compare.ts'
import type { Platform } from '../../../platform/platform.ts'
import { comparison } from '../../../platform/schemas/comparisons.ts'
import { deleteAdapter, selectAdapter } from '../../../platform/store/adapters.ts'
import { sqlTemplate } from '../../../platform/store/sql-template.ts'
import { createComparison, getComparison, listComparisons } from '../../../platform/use-cases/comparisons.ts'
import { enqueueMissing } from '../../../platform/worker/reconcile.ts'
import { startWorker, workOnce } from '../../../platform/worker/worker.ts'
import { embeddedPlace, type Place } from '../../contract/store/embedded.ts'
import { describePostgres, postgresPlace } from '../../contract/store/stores.ts'
import { makeReviews, tinyBase, writeReviews } from '../../training/tiny.ts'
import { expectChild, waitUntil } from './wait-until.ts'
import { type Inputs, launchTraining, setUpWorker, storeDataset, type WorkerContext } from './worker-context.ts'

const caller = { owner: '', scopes: [] }

function declare(make: () => Promise<Place>): void {
  let place: Place
  let home: string
  let context: WorkerContext
  /** Comparisons need no engine. */
  let platform: Platform
  let inputs: Inputs
  const logged: unknown[] = []

  beforeAll(async () => {
    ;({ place, home, context, inputs } = await setUpWorker(make, logged))
    platform = context as unknown as Platform
    for (const [name, steps] of [
      ['short', 1],
      ['long', 30],
    ] as const) {
      await launchTraining(context, inputs, { steps, learning_rate: 0.01 }, { name })
      await workOnce(context)
    }
  })
  afterAll(async () => {
    await context?.close()
    await place?.remove()
    await rm(home, { recursive: true, force: true })
  })

  const folderOf = async (name: string) => context.cache.folder((await selectAdapter(context.store.db, name)).artifact)

  test('a comparison on a data set gives the same result as graft compare', async () => {
    const request = { adapters: ['short', 'long'], dataset: 'test' }
    const queued = await createComparison(platform, request, caller, 'first')
    expect(queued).toMatchObject({ status: 'queued', adapters: [{ name: 'short' }, { name: 'long' }] })
    expect(await createComparison(platform, request, caller, 'first')).toEqual(queued)
    await expect(
      createComparison(platform, { ...request, adapters: ['long', 'short'] }, caller, 'first'),
    ).rejects.toMatchObject({ code: 'idempotency_conflict' })
    expect(await context.queue.countWaiting()).toEqual({ trainings: 0, evaluations: 0, comparisons: 1 })
    expect((await workOnce(context)).worked).toBe(true)
    expect((await workOnce(context)).worked).toBe(false)

    const found = comparison.parse(await getComparison(platform, queued.id))
    const adapters = []
    for (const name of request.adapters) adapters.push({ name, base: tinyBase(), checkpoint: await folderOf(name) })
    const data = await context.cache.file(inputs.test.digest)
    const same = await compareCheckpoints({ adapters, data, threads: 1 }, () => {})
    expect(found.status).toBe('succeeded')
    expect(found.result).toEqual(JSON.parse(JSON.stringify(same)))
    expect(found.result).toMatchObject({
      n: 60,
      pairs: [{ better: 'long' }],
      verdict: expect.stringContaining('long is better'),
    })
    const { result, ...summary } = found
    expect((await listComparisons(platform)).data).toEqual([{ ...summary, verdict: result?.verdict }])
  })

  test('a comparison that cannot succeed is rejected before it is queued', async () => {
    const { id } = await selectAdapter(context.store.db, 'short')
    for (const [adapters, dataset, error] of [
      [['short', id], 'test', { code: 'body_invalid', message: expect.stringContaining('adapters[1]') }],
      [['short', 'nobody'], 'test', { code: 'adapter_unknown' }],
      [['short', 'long'], 'nothing', { code: 'dataset_unknown' }],
    ] as const)
      await expect(createComparison(platform, { adapters: [...adapters], dataset }, caller)).rejects.toMatchObject(
        error,
      )
    await expect(getComparison(platform, id)).rejects.toMatchObject({ code: 'comparison_unknown' })
    expect(await context.queue.countWaiting()).toMatchObject({ comparisons: 0 })
  })

  test('a comparison whose process is killed is retried in another process', async () => {
    logged.length = 0
    await storeDataset(context.store.db, context.artifacts, 'many', writeReviews(makeReviews(500, 5)))
    const child = expectChild('short-work-child')
    const { id } = await createComparison(platform, { adapters: ['short', 'long'], dataset: 'many' }, caller)
    const worker = await startWorker(context)
    try {
      process.kill(await child(), 'SIGKILL')
      const waitForEnd = (id: string) =>
        waitUntil(
          () => getComparison(platform, id),
          ({ status }) => status === 'succeeded' || status === 'failed',
        )
      expect(await waitForEnd(id)).toMatchObject({ status: 'succeeded', result: { n: 500 } })
      expect(logged).toMatchObject([{ code: 'comparison_failed' }])
    } finally {
      await worker.close()
    }
  })

  test('a comparison without a job gets a new one', async () => {
    const { id } = await createComparison(platform, { adapters: ['long', 'short'], dataset: 'test' }, caller)
    await context.store.db.execute(sqlTemplate`delete from graft_jobs.job where name = 'comparisons'`)
    expect(await context.queue.take('comparison')).toBeUndefined()
    await enqueueMissing(context)
    expect((await workOnce(context)).worked).toBe(true)
    expect(await getComparison(platform, id)).toMatchObject({ status: 'succeeded' })
  })

  test('a comparison whose adapter was deleted fails with that error and still names its adapters', async () => {
    const { id } = await createComparison(platform, { adapters: ['long', 'short'], dataset: 'test' }, caller)
    await deleteAdapter(context.store.db, 'short')
    expect((await workOnce(context)).worked).toBe(true)
    expect(await getComparison(platform, id)).toMatchObject({
      status: 'failed',
      adapters: [{ name: 'long' }, { name: 'short' }],
      error: { code: 'adapter_unknown' },
    })
  })
}

describe('on the embedded database', () => declare(embeddedPlace))
describePostgres(() => declare(postgresPlace))
